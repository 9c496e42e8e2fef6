/**
 * The jobs of an AWS Batch stand-in: states, retries and ends as Batch documents them, with the real worker as a child
 * process instead of a container.
 */
import { randomUUID } from "node:crypto";
import { startWorker, type WorkerExit, type WorkerProcess } from "../worker-process.ts";

/** An entry of a job definition's `retryStrategy.evaluateOnExit`; a pattern may end in `*`. */
export interface ExitRule {
  readonly onStatusReason?: string;
  readonly onReason?: string;
  readonly onExitCode?: string;
  readonly action: "RETRY" | "EXIT";
}

export interface BatchJobOptions {
  /** As in a job definition: `Ref::<name>` stands for a parameter. */
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Containers at a time. */
  readonly concurrency?: number;
  /** Tries, the first included. */
  readonly attempts?: number;
  readonly evaluateOnExit?: readonly ExitRule[];
  /** From SIGTERM to SIGKILL. */
  readonly killAfterMs?: number;
  /** Is told of each new state, as EventBridge is ("Batch Job State Change"). */
  readonly onEvent?: (event: Readonly<Record<string, unknown>>) => void;
  /** Is told each line that a worker writes. */
  readonly onLine?: (line: string, job: BatchJob) => void;
}

interface Submission {
  readonly jobName: string;
  readonly jobQueue: string;
  readonly jobDefinition: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly timeout?: { readonly attemptDurationSeconds: number };
}

interface Attempt {
  readonly container: { exitCode?: number; reason?: string };
  readonly startedAt: number;
  readonly stoppedAt: number;
  readonly statusReason: string;
}

export type BatchStatus =
  | "SUBMITTED"
  | "PENDING"
  | "RUNNABLE"
  | "STARTING"
  | "RUNNING"
  | "SUCCEEDED"
  | "FAILED";

/** As DescribeJobs shows it. */
export interface BatchJob extends Submission {
  readonly jobId: string;
  readonly jobArn: string;
  readonly createdAt: number;
  readonly attempts: Attempt[];
  status: BatchStatus;
  statusReason?: string;
  startedAt?: number;
  stoppedAt?: number;
  container: Attempt["container"];
  isTerminated: boolean;
  isCancelled: boolean;
}

/** Why a container is stopped from outside. */
interface Ending {
  readonly kind: "terminated" | "timed-out" | "reclaimed";
  readonly reason: string;
}

const arn = "arn:aws:batch:us-east-1:123456789012";

export class BatchJobs {
  readonly jobs = new Map<string, BatchJob>();
  readonly #options: Required<BatchJobOptions>;
  readonly #waiting: BatchJob[] = [];
  readonly #running = new Map<BatchJob, { worker?: WorkerProcess; ending?: Ending; done: Promise<void> }>();
  #closed = false;

  constructor(options: BatchJobOptions) {
    this.#options = {
      command: options.command,
      env: options.env ?? process.env,
      concurrency: options.concurrency ?? 1,
      attempts: options.attempts ?? 3,
      evaluateOnExit: options.evaluateOnExit ?? [],
      killAfterMs: options.killAfterMs ?? 30_000,
      onEvent: options.onEvent ?? (() => {}),
      onLine: options.onLine ?? (() => {}),
    };
  }

  submit(submission: Submission): BatchJob {
    const jobId = randomUUID();
    const job: BatchJob = {
      ...submission,
      jobId,
      jobArn: `${arn}:job/${jobId}`,
      createdAt: Date.now(),
      attempts: [],
      status: "SUBMITTED",
      container: {},
      isTerminated: false,
      isCancelled: false,
    };
    this.jobs.set(jobId, job);
    for (const status of ["SUBMITTED", "PENDING", "RUNNABLE"] as const) this.#change(job, status);
    this.#waiting.push(job);
    this.#startNext();
    return job;
  }

  /** Ends a job in whatever state. */
  terminate(jobId: string, reason: string): void {
    const job = this.jobs.get(jobId);
    if (job === undefined) return;
    if (this.#removeWaiting(job)) this.#fail(job, reason);
    if (this.#stop(job, { kind: "terminated", reason })) job.isTerminated = true;
  }

  /** Ends a job that has not started. */
  cancel(jobId: string, reason: string): void {
    const job = this.jobs.get(jobId);
    if (job === undefined || !this.#removeWaiting(job)) return;
    job.isCancelled = true;
    this.#fail(job, reason);
  }

  /** Takes the machine of a running job away, as Spot does; false where it does not run. */
  reclaim(jobId: string): boolean {
    const reason = "Host EC2 (instance i-0123456789abcdef0) terminated.";
    const job = this.jobs.get(jobId);
    return job !== undefined && this.#stop(job, { kind: "reclaimed", reason });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { worker } of this.#running.values()) worker?.stop(0);
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  #removeWaiting(job: BatchJob): boolean {
    const place = this.#waiting.indexOf(job);
    if (place >= 0) this.#waiting.splice(place, 1);
    return place >= 0;
  }

  #stop(job: BatchJob, ending: Ending): boolean {
    const run = this.#running.get(job);
    if (run === undefined) return false;
    run.ending ??= ending;
    run.worker?.stop(this.#options.killAfterMs);
    return true;
  }

  #startNext(): void {
    while (!this.#closed && this.#running.size < this.#options.concurrency) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const done = Promise.resolve().then(() => this.#run(job));
      this.#running.set(job, { done });
    }
  }

  async #run(job: BatchJob): Promise<void> {
    const run = this.#running.get(job)!;
    this.#change(job, "STARTING");
    const startedAt = Date.now();
    const [command, ...args] = this.#options.command.map((word) => withParameter(word, job.parameters));
    const env = {
      ...this.#options.env,
      STYLIZE_ATTEMPTS: String(this.#options.attempts),
      AWS_BATCH_JOB_ID: job.jobId,
      AWS_BATCH_JOB_ATTEMPT: String(job.attempts.length + 1),
    };
    run.worker = startWorker(command!, args, env, {
      onStart: () => this.#change(job, "RUNNING"),
      onLine: (line) => this.#options.onLine(line, job),
    });
    if (run.ending !== undefined) run.worker.stop(this.#options.killAfterMs);
    const seconds = job.timeout?.attemptDurationSeconds;
    const timeout = { kind: "timed-out", reason: "Job attempt duration exceeded timeout" } as const;
    const timer = seconds && setTimeout(() => this.#stop(job, timeout), seconds * 1000);
    const exit = await run.worker.exit;
    clearTimeout(timer);
    this.#running.delete(job);
    if (!this.#closed) this.#settle(job, exit, startedAt, run.ending);
    this.#startNext();
  }

  /** Decides what an exit means: the end of the job, or another try. */
  #settle(job: BatchJob, exit: WorkerExit, startedAt: number, ending: Ending | undefined): void {
    const cannotStart = `CannotStartContainerError: ${exit.error?.message}`;
    job.container = exit.code === undefined ? { reason: cannotStart } : { exitCode: exit.code };
    const statusReason =
      ending?.reason ?? (exit.error ? "Task failed to start" : "Essential container in task exited");
    const attempt = { container: job.container, startedAt, stoppedAt: Date.now(), statusReason };
    job.attempts.push(attempt);
    job.stoppedAt = attempt.stoppedAt;
    const stopped = ending?.kind === "terminated" || ending?.kind === "timed-out";
    if (exit.code === 0 && !stopped) {
      job.statusReason = statusReason;
      this.#change(job, "SUCCEEDED");
    } else if (stopped || job.attempts.length >= this.#options.attempts || this.#action(attempt) === "EXIT") {
      this.#fail(job, statusReason);
    } else {
      this.#change(job, "RUNNABLE");
      this.#waiting.push(job);
    }
  }

  /** The first rule whose conditions all hold; RETRY where none does. */
  #action({ container, statusReason }: Attempt): ExitRule["action"] {
    const rule = this.#options.evaluateOnExit.find(
      ({ onStatusReason, onReason, onExitCode }) =>
        matches(onStatusReason, statusReason) &&
        matches(onReason, container.reason ?? "") &&
        matches(onExitCode, String(container.exitCode ?? "")),
    );
    return rule?.action ?? "RETRY";
  }

  #fail(job: BatchJob, statusReason: string): void {
    job.statusReason = statusReason;
    job.stoppedAt ??= Date.now();
    this.#change(job, "FAILED");
  }

  #change(job: BatchJob, status: BatchStatus): void {
    job.status = status;
    if (status === "RUNNING") job.startedAt = Date.now();
    this.#options.onEvent({
      version: "0",
      id: randomUUID(),
      "detail-type": "Batch Job State Change",
      source: "aws.batch",
      account: "123456789012",
      time: new Date().toISOString(),
      region: "us-east-1",
      resources: [job.jobArn],
      detail: structuredClone(job),
    });
  }
}

function withParameter(word: string, parameters: Readonly<Record<string, string>>): string {
  const name = /^Ref::(\w+)$/.exec(word)?.[1];
  return (name !== undefined && parameters[name]) || word;
}

function matches(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
