/**
 * A job queue in AWS Batch: it starts the containers, counts the tries and replaces machines that are taken away.
 *
 * The job definition's command refers to the parameters `Ref::contentKey`, `Ref::style`, `Ref::requestId` and
 * `Ref::options` (JSON). SubmitJob has no token that makes it idempotent: a call that is repeated because its answer
 * was lost starts a job twice. Needs batch:SubmitJob, TagResource, DescribeJobs, TerminateJob and DescribeJobQueues.
 */
import {
  BatchClient,
  DescribeJobQueuesCommand,
  DescribeJobsCommand,
  type JobDetail,
  SubmitJobCommand,
  TerminateJobCommand,
} from "@aws-sdk/client-batch";
import { jobIdOf, type WorkerJob } from "../protocol/protocol.ts";
import { type AwsOptions, type Call, call, clientConfig, defaultCallSeconds } from "./aws-call.ts";
import { type JobQueue, type QueuedJob, type QueuedState, traceQueue as trace } from "./job-queue.ts";
import { StoreError } from "./object-store.ts";

export interface BatchJobQueueOptions extends AwsOptions {
  /** Name or ARN, as the definition's. */
  readonly jobQueue: string;
  readonly jobDefinition: string;
  /** Of one try; 60 at least. The definition's own when not given. */
  readonly timeoutSeconds?: number | undefined;
}

/** Batch's limit. */
const describedAtATime = 100;

const states: Readonly<Record<string, QueuedState>> = {
  SUBMITTED: "queued",
  PENDING: "queued",
  RUNNABLE: "queued",
  STARTING: "starting",
  RUNNING: "running",
  SUCCEEDED: "succeeded",
  FAILED: "failed",
};

export class BatchJobQueue implements JobQueue {
  readonly #client: BatchClient;
  readonly #options: BatchJobQueueOptions;

  constructor(options: BatchJobQueueOptions) {
    this.#client = new BatchClient(clientConfig(options, 4));
    this.#options = options;
  }

  async submit(job: WorkerJob): Promise<string> {
    const { jobQueue, jobDefinition, timeoutSeconds } = this.#options;
    const jobId = jobIdOf(job.requestId);
    const command = new SubmitJobCommand({
      jobName: `stylize-${jobId}`,
      jobQueue,
      jobDefinition,
      parameters: {
        contentKey: job.contentKey,
        style: job.style,
        requestId: job.requestId,
        options: JSON.stringify(job.options),
      },
      tags: { jobId },
      ...(timeoutSeconds !== undefined && { timeout: { attemptDurationSeconds: timeoutSeconds } }),
    });
    const answer = await this.#call("Batch to take a job", (options) => this.#client.send(command, options));
    trace(() => `${jobId} submitted to Batch as ${answer.jobId}`);
    return answer.jobId!;
  }

  async describe(ids: readonly string[]): Promise<readonly QueuedJob[]> {
    const known = new Map<string, JobDetail>();
    for (let i = 0; i < ids.length; i += describedAtATime) {
      const command = new DescribeJobsCommand({ jobs: ids.slice(i, i + describedAtATime) });
      const send = (options: Call) => this.#client.send(command, options);
      const answer = await this.#call("Batch to describe jobs", send);
      for (const detail of answer.jobs ?? []) known.set(detail.jobId!, detail);
    }
    for (const { tags, jobId, status, statusReason } of known.values())
      trace(() => `${tags?.jobId ?? "-"} is ${status} as ${jobId}: ${statusReason ?? "no reason"}`);
    return ids.map((id) => queuedJob(id, known.get(id)));
  }

  async cancel(id: string): Promise<void> {
    // Unlike CancelJob it also ends jobs that have started; of unknown and ended ones it says nothing.
    const command = new TerminateJobCommand({ jobId: id, reason: "cancelled" });
    trace(() => `- job ${id} of Batch is ended`);
    await this.#call("Batch to end a job", (options) => this.#client.send(command, options));
  }

  async check(): Promise<void> {
    const { jobQueue } = this.#options;
    const command = new DescribeJobQueuesCommand({ jobQueues: [jobQueue] });
    const send = (options: Call) => this.#client.send(command, options);
    const answer = await this.#call("Batch to describe its queue", send);
    const found = answer.jobQueues?.[0];
    if (found?.state === "ENABLED" && found.status === "VALID") return;
    const received =
      found === undefined ? "none of that name" : `one that is ${found.state}, ${found.status}`;
    throw new StoreError(`Expected an enabled, valid Batch queue ${jobQueue} but received ${received}.`, {
      retryable: true,
    });
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #call<T>(what: string, send: (options: Call) => Promise<T>): Promise<T> {
    return call(what, this.#options.callSeconds ?? defaultCallSeconds, send);
  }
}

function queuedJob(id: string, detail: JobDetail | undefined): QueuedJob {
  const state = states[detail?.status ?? ""] ?? "lost";
  if (detail === undefined || state !== "failed") return { id, state };
  const exitCode = detail.container?.exitCode;
  const failure = outsideFailure(detail.statusReason ?? "");
  const reason = [detail.statusReason, detail.container?.reason].filter(Boolean).join("; ");
  return { id, state, reason, ...(exitCode !== undefined && { exitCode }), ...(failure && { failure }) };
}

/** By the sentences that Batch documents for retry strategies and timeouts. */
function outsideFailure(statusReason: string): QueuedJob["failure"] {
  if (statusReason.startsWith("Host EC2")) return "interrupted";
  if (statusReason.includes("exceeded timeout")) return "timed-out";
  return undefined;
}
