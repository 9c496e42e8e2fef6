/**
 * A stand-in for AWS Batch over REST-JSON, as its SDK speaks it: `POST /v1/submitjob` and so on, with Batch's limits
 * and errors.
 *
 * Faults can be ordered for the next requests, so that callers meet what a real service does on a bad day.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { type BatchJob, type BatchJobOptions, BatchJobs } from "./batch-jobs.ts";

/**
 * "error": status 500. "throttle": status 429. "stall": no answer ever, nothing done. "lost-answer": it is done, but
 * the connection breaks before the answer.
 */
export type BatchFault = "error" | "throttle" | "stall" | "lost-answer";

export interface BatchOptions extends BatchJobOptions {
  readonly jobQueue?: string;
  readonly jobDefinition?: string;
  /** Batch's own is 60. */
  readonly minTimeoutSeconds?: number;
}

export interface BatchStandIn extends AsyncDisposable {
  /** What BatchJobQueue takes. */
  readonly options: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly jobQueue: string;
    readonly jobDefinition: string;
  };
  readonly jobs: BatchJobs;
  /** Names of the operations that were asked for, in order. */
  readonly requests: readonly string[];
  /** Lets the next `count` requests fail, of one operation ("submitjob") or of all. */
  fail(fault: BatchFault, count: number, operation?: string): void;
}

class ClientException extends Error {}

type Input = Readonly<Record<string, unknown>>;
const maxDescribed = 100;

/** Starts one on a free port of 127.0.0.1; disposing of it kills its workers. */
export async function startBatch(options: BatchOptions): Promise<BatchStandIn> {
  const names = {
    jobQueue: options.jobQueue ?? "stylize",
    jobDefinition: options.jobDefinition ?? "stylize-worker",
  };
  const jobs = new BatchJobs(options);
  const operations = operationsOf(jobs, names, options.minTimeoutSeconds ?? 60);
  const requests: string[] = [];
  let faults: { readonly fault: BatchFault; readonly operation: string | undefined }[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const input = (await json(request)) as Input;
    const name = /^\/v1\/([a-z]+)$/.exec(request.url ?? "")?.[1] ?? "";
    requests.push(name);
    const order = faults.find(({ operation }) => operation === undefined || operation === name);
    faults = faults.filter((each) => each !== order);
    if (order?.fault === "stall") return;
    if (order?.fault === "error") return answerError(response, 500, "ServerException");
    if (order?.fault === "throttle") return answerError(response, 429, "TooManyRequestsException");
    const operation = operations[name];
    if (request.method !== "POST" || operation === undefined) {
      return answerError(response, 404, "UnknownOperationException");
    }
    const output = operation(input);
    if (order?.fault === "lost-answer") return void response.destroy();
    answer(response, 200, output);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => {
      const known = error instanceof ClientException;
      answerError(response, known ? 400 : 500, known ? "ClientException" : "ServerException", error.message);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    options: {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      ...names,
    },
    jobs,
    requests,
    fail(fault, count, operation) {
      for (let i = 0; i < count; i++) faults.push({ fault, operation });
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await Promise.all([closed, jobs.close()]);
    },
  };
}

function operationsOf(
  jobs: BatchJobs,
  names: { readonly jobQueue: string; readonly jobDefinition: string },
  minTimeoutSeconds: number,
): Readonly<Record<string, (input: Input) => unknown>> {
  return {
    submitjob(input) {
      const { jobName, jobQueue, jobDefinition, timeout } = input as unknown as BatchJob;
      check(/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(jobName), "Job name should match valid pattern");
      check(jobQueue === names.jobQueue, `JobQueue ${jobQueue} not found.`);
      check(jobDefinition === names.jobDefinition, `JobDefinition ${jobDefinition} not found.`);
      check(
        timeout === undefined || timeout.attemptDurationSeconds >= minTimeoutSeconds,
        `Attempt duration must be at least ${minTimeoutSeconds} seconds.`,
      );
      const parameters = (input.parameters ?? {}) as Record<string, string>;
      const tags = (input.tags ?? {}) as Record<string, string>;
      const job = jobs.submit({
        jobName,
        jobQueue,
        jobDefinition,
        parameters,
        tags,
        ...(timeout && { timeout }),
      });
      return { jobArn: job.jobArn, jobId: job.jobId, jobName };
    },
    describejobs(input) {
      const ids = input.jobs as string[];
      check(ids.length <= maxDescribed, `Maximum number of jobs supported is ${maxDescribed}.`);
      return { jobs: ids.flatMap((id) => jobs.jobs.get(id) ?? []) };
    },
    terminatejob({ jobId, reason }) {
      jobs.terminate(String(jobId), String(reason));
      return {};
    },
    canceljob({ jobId, reason }) {
      jobs.cancel(String(jobId), String(reason));
      return {};
    },
    listjobs({ jobQueue, jobStatus = "RUNNING" }) {
      check(jobQueue === names.jobQueue, `JobQueue ${jobQueue} not found.`);
      return { jobSummaryList: [...jobs.jobs.values()].filter(({ status }) => status === jobStatus) };
    },
    describejobqueues({ jobQueues }) {
      const found = (jobQueues as string[]).filter((name) => name === names.jobQueue);
      return {
        jobQueues: found.map((jobQueueName) => ({ jobQueueName, state: "ENABLED", status: "VALID" })),
      };
    },
  };
}

function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new ClientException(message);
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function answerError(response: ServerResponse, status: number, type: string, message = type): void {
  response.setHeader("x-amzn-errortype", type);
  answer(response, status, { message });
}
