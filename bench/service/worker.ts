/**
 * The stand-in for the worker: some time after a job was submitted it writes a result and publishes its key. No process
 * for each job.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { jobIdOf, keys, type WorkerJob } from "../../protocol/protocol.ts";
import type { Stores } from "./stores.ts";

export interface WorkerOptions {
  /** Milliseconds of work, give or take half. */
  readonly work: number;
  /** News of progress before the result. */
  readonly progress: number;
  /** PNG. */
  readonly result: Uint8Array;
}

export class StandInWorker {
  /** When the news of a job's result was handed to the queue, milliseconds since 1970. */
  readonly publishedAt = new Map<string, number>();
  readonly errors: unknown[] = [];
  readonly #stores: Stores;
  readonly #options: WorkerOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(stores: Stores, options: WorkerOptions) {
    this.#stores = stores;
    this.#options = options;
  }

  /** Jobs that are not done. */
  get busy(): number {
    return this.#running.size;
  }

  take(job: WorkerJob): void {
    const run = this.#run(job)
      .catch((error: unknown) => void this.errors.push(error))
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #run({ contentKey, requestId }: WorkerJob): Promise<void> {
    const { work, progress: total, result } = this.#options;
    const ms = (work * (0.5 + Math.random())) / (total + 1);
    const publish = (news: object) => this.#stores.messages.publish(JSON.stringify({ requestId, ...news }));
    for (let step = 1; step <= total; step++) {
      await sleep(ms);
      await publish({
        progress: { at: Date.now(), step, total, etaMs: (total - step) * ms, loss: 1 / step },
      });
    }
    await sleep(ms);
    const jobId = jobIdOf(requestId);
    const resultKey = keys.output(contentKey.startsWith("private/"), jobId);
    await this.#stores.objects.put(resultKey, result, { contentType: "image/png", ifAbsent: true });
    this.publishedAt.set(jobId, Date.now());
    await publish({ resultKey });
  }
}
