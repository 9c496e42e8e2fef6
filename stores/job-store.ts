/** The records of jobs: in memory (and files) on one machine, in Redis in the cloud. */
import type { FailureReason, JobOptions, JobStatus, WorkerProgress } from "../protocol/protocol.ts";

export interface JobRecord {
  readonly jobId: string;
  /** SHA-256 of the token, hexadecimal: the token itself is not kept. */
  readonly tokenHash: string;
  /** Who asked: hash of the address, or the subject of the login. */
  readonly client: string;
  readonly requestId: string;
  readonly status: JobStatus;
  /** Rises with each change. */
  readonly seq: number;
  readonly isPrivate: boolean;
  readonly contentKey: string;
  /** A style's name, or the key of the client's own. */
  readonly style: string;
  readonly options: JobOptions;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** The queue's id of it, once it was submitted. */
  readonly queueId?: string;
  readonly progress?: WorkerProgress;
  readonly resultKey?: string;
  readonly failure?: FailureReason;
}

/** Records live for `retentionSeconds` after their last change. Every method may throw StoreError. */
export interface JobStore {
  /**
   * Adds a record. With an idempotency key that this client has used before, the job that it was used for is returned
   * instead, and nothing added.
   */
  create(
    record: JobRecord,
    idempotencyKey?: string,
  ): Promise<{ readonly record: JobRecord; readonly created: boolean }>;
  get(jobId: string): Promise<JobRecord | undefined>;
  /** The job that this client's idempotency key stands for, if any. */
  getByKey(client: string, idempotencyKey: string): Promise<JobRecord | undefined>;
  /**
   * Replaces the record by what `change` makes of it, with the next `seq`, unless somebody else was faster: then
   * `change` is asked again. It returns undefined to leave the record alone. Returns the record as it is then,
   * undefined where there is none, and whether it changed.
   */
  update(
    jobId: string,
    change: (record: JobRecord) => Omit<JobRecord, "seq"> | undefined,
  ): Promise<{ readonly record: JobRecord; readonly changed: boolean } | undefined>;
  remove(jobId: string): Promise<void>;
  /** Jobs that have not ended, oldest first. */
  active(): Promise<readonly JobRecord[]>;
  /** How many queued jobs were created before this one. */
  position(jobId: string): Promise<number>;
  /** How many jobs of this client have not ended. */
  activeOf(client: string): Promise<number>;
  /** Public results, newest first; each once. */
  feed(options: {
    readonly limit: number;
    readonly cursor?: string | undefined;
  }): Promise<{ readonly records: readonly JobRecord[]; readonly next?: string }>;
  check(): Promise<void>;
  close(): Promise<void>;
}
