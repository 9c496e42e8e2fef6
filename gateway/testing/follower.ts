/** Clients that do what the pages do when they lose their connection, and what they learned of their jobs. */
import type { Accepted, JobView } from "../../protocol/protocol.ts";
import { TestClient, until } from "./client.ts";

export type Outcome = "succeeded" | "failed" | "cancelled";

/** After each connect it asks for the jobs that it follows. */
export class Follower extends TestClient {
  /** Ids of the connections that it had. */
  readonly connections: string[] = [];
  /** Each end that it was told of: the connection, and the event. */
  readonly #told: string[] = [];
  readonly #jobs = new Map<string, Accepted>();
  readonly #views = new Map<string, JobView>();

  constructor(port: number) {
    super(port);
    this.socket.onAny((event: string) => this.#told.push(`${this.socket.id} ${event}`));
    this.socket.on("connect", () => {
      this.connections.push(this.socket.id!);
      for (const job of this.#jobs.values()) this.#look(job);
    });
  }

  static override async connect(port: number): Promise<Follower> {
    const follower = new Follower(port);
    await until(() => follower.socket.connected, "a connection");
    return follower;
  }

  /** A job that another started. Resolves once the gateway has answered: from then on it is told of the job's end. */
  async follow(job: Accepted): Promise<void> {
    this.#jobs.set(job.jobId, job);
    this.#views.set(job.jobId, await this.job(job));
  }

  /** A job of its own, that it follows. */
  override async start(request: object): Promise<Accepted> {
    const job = await super.start(request);
    this.#jobs.set(job.jobId, job);
    return job;
  }

  /**
   * How often it was told over one connection that a job has ended, at most: a gateway can't know what another told
   * before.
   */
  timesTold({ jobId }: Accepted): number {
    const ends = this.#told.filter((told) => new RegExp(`_(COMPLETED|FAILED)::${jobId}$`).test(told));
    return Math.max(0, ...ends.map((end) => ends.filter((other) => other === end).length));
  }

  /** How often it heard of a job's public result. */
  timesShown({ jobId }: Accepted): number {
    return this.all("TRANSFER_STYLE_COMPLETED").filter((image) => (image as Accepted).jobId === jobId).length;
  }

  /** How a job ended, as soon as this client knows: by an event, or by the answer to its question. */
  async outcome(job: Accepted, patienceMs?: number): Promise<Outcome> {
    await until(() => this.hasEnded(job), `the end of job ${job.jobId}`, patienceMs);
    return this.#known(job)!;
  }

  /** Whether it knows how a job ended. */
  hasEnded(job: Accepted): boolean {
    return this.#known(job) !== undefined;
  }

  #known({ jobId }: Accepted): Outcome | undefined {
    if (this.all(`TRANSFER_STYLE_COMPLETED::${jobId}`).length > 0) return "succeeded";
    const [failure] = this.all(`TRANSFER_STYLE_FAILED::${jobId}`) as { code: string }[];
    if (failure) return failure.code === "cancelled" ? "cancelled" : "failed";
    const status = this.#views.get(jobId)?.status;
    return status === "succeeded" || status === "failed" || status === "cancelled" ? status : undefined;
  }

  /** A connection that breaks meanwhile brings the next question by itself. */
  #look({ jobId, token }: Accepted): void {
    const connection = this.socket.id;
    this.get<{ job: JobView }>("GET_JOB", { jobId, token })
      .then(({ job }) => this.#views.set(jobId, job))
      .catch(() => {
        if (this.socket.connected && this.socket.id === connection)
          setTimeout(() => this.#look({ jobId, token } as Accepted), 200);
      });
  }
}
