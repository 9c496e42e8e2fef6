/** Where jobs wait for a worker: child processes on one machine, AWS Batch in the cloud. */
import { tracer } from "../common/trace.ts";
import type { FailureReason, WorkerJob } from "../protocol/protocol.ts";

/** Of both queues. */
export const traceQueue = tracer("stores:queue");

/** As the queue sees a job. "lost": it knows of no such job. */
export type QueuedState = "queued" | "starting" | "running" | "succeeded" | "failed" | "lost";

export interface QueuedJob {
  readonly id: string;
  readonly state: QueuedState;
  /** Of a failure: the worker's exit status, where there was one; 128 + n of a worker that signal n ended. */
  readonly exitCode?: number;
  /** Of a failure that was not the worker's own doing. */
  readonly failure?: Extract<FailureReason, "timed-out" | "interrupted">;
  /** Of a failure, for logs: never shown to clients. */
  readonly reason?: string;
}

/** Every method may throw StoreError. */
export interface JobQueue {
  /** Returns the queue's own id of the job. A retried call may start it twice: workers are idempotent. */
  submit(job: WorkerJob): Promise<string>;
  /** In the order of `ids`. */
  describe(ids: readonly string[]): Promise<readonly QueuedJob[]>;
  /** A job that runs is stopped, one that waits is removed; nothing happens to one that has ended. */
  cancel(id: string): Promise<void>;
  /** Whether the queue answers. */
  check(): Promise<void>;
  /**
   * Ends what it does in the background; jobs that run go on where they are others' processes, and are stopped for a
   * later attempt where they are ours.
   */
  close(): Promise<void>;
}
