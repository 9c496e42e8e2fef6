/**
 * A job queue on one machine: workers as child processes, first come, first served. Jobs are kept in memory; whoever
 * submitted them finds them "lost" after a restart, and submits them anew.
 *
 * How workers are started, and why they end with us: worker-process.ts. In their environment `STYLIZE_ATTEMPT` counts
 * from 1 to `STYLIZE_ATTEMPTS`.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { jobIdOf, type WorkerJob } from "../protocol/protocol.ts";
import { type JobQueue, type QueuedJob, traceQueue as trace } from "./job-queue.ts";
import { StoreError } from "./object-store.ts";
import { startWorker, type WorkerExit, type WorkerProcess, workerArguments } from "./worker-process.ts";

export interface ProcessJobQueueOptions {
  readonly command: string;
  /** In front of the worker's own arguments. */
  readonly args?: readonly string[];
  /** The workers' environment, instead of ours. */
  readonly env?: NodeJS.ProcessEnv;
  /** Workers at a time. */
  readonly concurrency?: number;
  /** From SIGTERM to SIGKILL. */
  readonly killAfterMs?: number;
  /** After the first try. */
  readonly retries?: number;
  readonly retryMs?: number;
  /** Exit statuses after which another try would fare no better. */
  readonly noRetryCodes?: readonly number[];
  /** A try that takes longer is stopped, and its job fails. */
  readonly timeoutSeconds?: number;
  /** Is told each line that a worker writes, and how each try ended. */
  readonly onLog?: (text: string, job: { requestId: string; attempt: number }) => void;
}

interface Entry {
  readonly id: string;
  readonly job: WorkerJob;
  /** Why we stop it. */
  readonly ending: AbortController;
  seen: Omit<QueuedJob, "id">;
  worker?: WorkerProcess;
}

/** Why a worker was stopped, by us. */
type Ending = "cancelled" | "closed" | "timed-out";

/** Jobs that have ended are remembered until so many others have. */
const remembered = 10_000;

export class ProcessJobQueue implements JobQueue {
  readonly #options: Required<ProcessJobQueueOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting: Entry[] = [];
  readonly #running = new Map<Entry, Promise<void>>();
  readonly #ended: string[] = [];
  #closed = false;

  constructor(options: ProcessJobQueueOptions) {
    this.#options = {
      args: [],
      env: process.env,
      concurrency: 1,
      killAfterMs: 20_000,
      retries: 2,
      retryMs: 1_000,
      noRetryCodes: [],
      timeoutSeconds: 3_600,
      onLog: () => {},
      ...options,
    };
  }

  async submit(job: WorkerJob): Promise<string> {
    await this.check();
    const id = randomBytes(16).toString("hex");
    const entry: Entry = { id, job, ending: new AbortController(), seen: { state: "queued" } };
    this.#entries.set(id, entry);
    this.#waiting.push(entry);
    trace(() => `${jobIdOf(job.requestId)} waits behind ${this.#waiting.length - 1} others as ${id}`);
    this.#startNext();
    return id;
  }

  async describe(ids: readonly string[]): Promise<readonly QueuedJob[]> {
    return ids.map((id) => ({ id, ...(this.#entries.get(id)?.seen ?? { state: "lost" }) }));
  }

  async cancel(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    const place = this.#waiting.indexOf(entry);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      this.#end(entry, { state: "failed", reason: "cancelled" });
    }
    this.#stop(entry, "cancelled");
  }

  async check(): Promise<void> {
    if (!this.#closed) return;
    throw new StoreError("Expected an open job queue but received one that is closing.", { retryable: true });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#running.keys()) this.#stop(entry, "closed");
    await Promise.all(this.#running.values());
  }

  #startNext(): void {
    while (!this.#closed && this.#running.size < this.#options.concurrency) {
      const entry = this.#waiting.shift();
      if (entry === undefined) return;
      const run = this.#run(entry).finally(() => {
        this.#running.delete(entry);
        this.#startNext();
      });
      this.#running.set(entry, run);
    }
  }

  /** Tries a job until it ends, one way or another; its place is not another's meanwhile. */
  async #run(entry: Entry): Promise<void> {
    const { retries, retryMs, noRetryCodes, onLog } = this.#options;
    const { signal } = entry.ending;
    for (let attempt = 1; !signal.aborted; attempt++) {
      trace(() => `${jobIdOf(entry.job.requestId)} begins, try ${attempt}`);
      const exit = await this.#try(entry, attempt);
      trace(() => `${jobIdOf(entry.job.requestId)} try ${attempt} ended: ${sayExit(exit)}`);
      onLog(sayExit(exit), { requestId: entry.job.requestId, attempt });
      if (exit.code === 0) return this.#end(entry, { state: "succeeded" });
      const lastTry = attempt > retries || (exit.code !== undefined && noRetryCodes.includes(exit.code));
      if (lastTry && !signal.aborted) return this.#end(entry, failureOf(exit));
      entry.seen = { state: "queued" };
      await sleep(retryMs, undefined, { signal }).catch(() => {});
    }
    const ending: Ending = signal.reason;
    if (ending === "closed") entry.seen = { state: "queued" };
    else if (ending === "cancelled") this.#end(entry, { state: "failed", reason: "cancelled" });
    else this.#end(entry, { state: "failed", failure: "timed-out", reason: "timed out" });
  }

  async #try(entry: Entry, attempt: number): Promise<WorkerExit> {
    const { command, args, retries, timeoutSeconds, onLog } = this.#options;
    const { requestId } = entry.job;
    const attempts = { STYLIZE_ATTEMPT: String(attempt), STYLIZE_ATTEMPTS: String(retries + 1) };
    const env = { ...this.#options.env, ...attempts };
    entry.seen = { state: "starting" };
    entry.worker = startWorker(command, [...args, ...workerArguments(entry.job)], env, {
      onStart() {
        entry.seen = { state: "running" };
      },
      onLine: (line) => onLog(line, { requestId, attempt }),
    });
    const timer = setTimeout(() => this.#stop(entry, "timed-out"), timeoutSeconds * 1000);
    const exit = await entry.worker.exit;
    clearTimeout(timer);
    delete entry.worker;
    return exit;
  }

  #stop(entry: Entry, ending: Ending): void {
    trace(() => `${jobIdOf(entry.job.requestId)} is stopped: ${ending}`);
    entry.ending.abort(ending);
    entry.worker?.stop(this.#options.killAfterMs);
  }

  #end(entry: Entry, seen: Entry["seen"]): void {
    entry.seen = seen;
    if (this.#ended.push(entry.id) > remembered) this.#entries.delete(this.#ended.shift()!);
  }
}

function failureOf(exit: WorkerExit): Entry["seen"] {
  const reason = [sayExit(exit), exit.lastError].filter(Boolean).join(": ");
  return { state: "failed", reason, ...(exit.code !== undefined && { exitCode: exit.code }) };
}

function sayExit({ code, signal, error }: WorkerExit): string {
  if (error !== undefined) return `could not be started: ${error.message}`;
  return signal === undefined ? `exit status ${code}` : `ended by ${signal}`;
}
