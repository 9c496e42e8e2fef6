/** Processes of workers, to be killed by tests. */
import type { Accepted } from "../../protocol/protocol.ts";
import { until } from "./client.ts";
import type { Follower } from "./follower.ts";
import type { TestMachine } from "./machine.ts";

export class WorkerKills {
  readonly #machine: TestMachine;
  readonly #client: Follower;
  readonly #seen = new Set<number>();
  /** How many workers were there to be killed. */
  count = 0;

  /** `client` is the one that started the jobs. */
  constructor(machine: TestMachine, client: Follower) {
    this.#machine = machine;
    this.#client = client;
  }

  /** The process of a job's next attempt as soon as it has begun, each once; undefined if the job ended before. */
  async next(job: Accepted): Promise<number | undefined> {
    const find = () =>
      this.#machine.workers.began().find(({ pid, jobId }) => jobId === job.jobId && !this.#seen.has(pid))
        ?.pid;
    await until(() => find() !== undefined || this.#client.hasEnded(job), "a worker");
    const pid = find();
    if (pid !== undefined) this.#seen.add(pid);
    return pid;
  }

  /** Whether it was there to be killed. */
  kill(pid: number): boolean {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      return false;
    }
    this.count++;
    return true;
  }
}
