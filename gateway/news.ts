/** What comes through the queue: news of workers, and AWS Batch's own about jobs that failed without a word. */
import { z } from "zod";
import type { JobService } from "./job-service.ts";
import { type FailureReason, jobIdOf, workerJobSchema, workerMessageSchema } from "./protocol.ts";

/** EventBridge's "Batch Job State Change", as far as it matters. Source: AWS Batch's user guide. */
const batchEventSchema = z.object({
  "detail-type": z.literal("Batch Job State Change"),
  detail: z.object({
    status: z.string(),
    statusReason: z.string().optional(),
    parameters: z.object({ requestId: workerJobSchema.shape.requestId }),
  }),
});

/** Acts on one message. Throws for what is no news, so that the queue puts it aside in the end. */
export async function handleNews(body: string, service: JobService): Promise<void> {
  const value: unknown = JSON.parse(body);
  const event = batchEventSchema.safeParse(value);
  if (event.success) {
    const { status, statusReason, parameters } = event.data.detail;
    if (status === "FAILED") await service.fail(jobIdOf(parameters.requestId), reasonOf(statusReason));
    return;
  }
  await service.heard(workerMessageSchema.parse(value));
}

/** What Batch says of a job that ended without its worker saying why. */
export function reasonOf(statusReason: string | undefined): FailureReason {
  if (/^Host EC2/.test(statusReason ?? "")) return "interrupted"; // the machine was taken away
  return /timeout/i.test(statusReason ?? "") ? "timed-out" : "internal";
}
