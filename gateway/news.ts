/** What comes through the queue: news of workers, and AWS Batch's own about jobs that failed without a word. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { tracer } from "../common/trace.ts";
import { type FailureReason, jobIdOf, type WorkerMessage } from "../protocol/protocol.ts";
import { workerJobSchema, workerMessageSchema } from "../protocol/schemas.ts";
import { backoffMs, jobOfMessage } from "../stores/message-queue.ts";
import { StoreError } from "../stores/object-store.ts";
import type { JobService } from "./job-service.ts";

/** EventBridge's "Batch Job State Change", as far as it matters. Source: AWS Batch's user guide. */
const batchEventSchema = z.object({
  "detail-type": z.literal("Batch Job State Change"),
  detail: z.object({
    status: z.string(),
    statusReason: z.string().optional(),
    parameters: z.object({ requestId: workerJobSchema.shape.requestId }),
  }),
});

const trace = tracer("gateway:news");

/** Milliseconds for which one message waits for a store that is away, before it is given back. */
const PATIENCE_MS = 600_000;

export interface NewsOptions {
  readonly service: JobService;
  /** Aborted when the gateway ends: the message is another's then. */
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
}

/**
 * Acts on one message, as soon as the stores let it: to give it back while they are away would use up its tries, which
 * are for messages that nobody can handle. Throws as `handleNews` does.
 */
export async function handleNewsPatiently(body: string, options: NewsOptions): Promise<void> {
  const { service, signal, onError } = options;
  const end = Date.now() + PATIENCE_MS;
  for (let tries = 1; ; tries++) {
    try {
      return await handleNews(body, service);
    } catch (error) {
      const mayPass = error instanceof StoreError && error.retryable;
      trace(() => `${jobOfMessage(body)} can't be handled, try ${tries}: ${(error as Error).message}`);
      if (!mayPass || signal.aborted || Date.now() >= end) throw error;
      onError(error);
      await sleep(backoffMs(tries, 500, 5_000), undefined, { signal }).catch(() => {});
    }
  }
}

/** Acts on one message. Throws for what is no news, so that the queue puts it aside in the end. */
async function handleNews(body: string, service: JobService): Promise<void> {
  const value: unknown = JSON.parse(body);
  const event = batchEventSchema.safeParse(value);
  if (event.success) {
    const { status, statusReason, parameters } = event.data.detail;
    trace(() => `${jobIdOf(parameters.requestId)} ${status}, says Batch: ${statusReason}`);
    if (status === "FAILED") await service.fail(jobIdOf(parameters.requestId), reasonOf(statusReason));
    return;
  }
  const message = workerMessageSchema.parse(value);
  trace(() => `${jobIdOf(message.requestId)} ${wordsOf(message)}, says its worker`);
  await service.heard(message);
}

function wordsOf(message: WorkerMessage): string {
  if ("failure" in message) return message.failure;
  return "progress" in message ? `step ${message.progress.step} of ${message.progress.total}` : "done";
}

/** What Batch says of a job that ended without its worker saying why. */
export function reasonOf(statusReason: string | undefined): FailureReason {
  if (/^Host EC2/.test(statusReason ?? "")) return "interrupted"; // the machine was taken away
  return /timeout/i.test(statusReason ?? "") ? "timed-out" : "internal";
}
