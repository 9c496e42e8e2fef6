/** One job, from its pictures in the store to the news of its end. */
import type { Logger } from "pino";
import { tracer } from "../common/trace.ts";
import { checkpointOf } from "../engine/checkpoint.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import type { Network } from "../engine/network/types.ts";
import { planScales } from "../engine/pyramid.ts";
import { stylize } from "../engine/stylize.ts";
import type { TuningStore } from "../engine/tuning-store.ts";
import { atMost, encodePicture, longSide } from "../pictures/index.ts";
import type { Outcome } from "../protocol/exit-codes.ts";
import { settingsOf, sizeOf } from "../protocol/job-settings.ts";
import { jobIdOf, keys, type WorkerJob, type WorkerMessage } from "../protocol/protocol.ts";
import type { Publisher } from "../stores/message-queue.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { Checkpoints, digestOf } from "./checkpoint-file.ts";
import type { JobLimits } from "./config.ts";
import { failureOf } from "./failures.ts";
import { readInput, styleKey } from "./inputs.ts";
import { ProgressReporter } from "./progress-reporter.ts";

export interface JobDeps {
  readonly objects: ObjectStore;
  readonly publisher: Publisher;
  readonly context: GpuContext;
  readonly network: Network;
  /** Where what is found out about the GPU's kernels is kept. */
  readonly tuning: TuningStore;
  readonly limits: JobLimits;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Stops the job: it writes a checkpoint and tells nobody. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

const trace = tracer("worker:job");

/**
 * Does a job; never throws. The same job may be run any number of times: who finds its result there only tells of it.
 *
 * A failure that another attempt may not meet is published at the last attempt only.
 */
export async function runJob(job: WorkerJob, deps: JobDeps): Promise<Outcome> {
  const jobId = jobIdOf(job.requestId);
  const log = deps.log.child({ jobId });
  trace(() => `${jobId} is taken, content '${job.contentKey}', style '${job.style}'`);
  try {
    const outcome = await perform(job, { ...deps, log });
    trace(() => `${jobId} ends: ${outcome}`);
    log.info(`job ${outcome}`);
    return outcome;
  } catch (error) {
    const { reason, retry } = failureOf(error);
    trace(() => `${jobId} fails: ${reason}${retry ? ", may be tried again" : ""}`);
    log.error({ err: error, reason, retry }, "job failed");
    if (retry && !deps.limits.isLastAttempt) return "failed";
    try {
      await publish({ requestId: job.requestId, failure: reason }, deps);
    } catch (cause) {
      log.error({ err: cause }, "the failure was not published");
      return "failed"; // so that another attempt does
    }
    return retry ? "failed" : "bad-input";
  }
}

async function perform(job: WorkerJob, deps: JobDeps): Promise<Outcome> {
  const { requestId, contentKey } = job;
  const { objects, log } = deps;
  const isPrivate = contentKey.startsWith("private/");
  const jobId = jobIdOf(requestId);
  const resultKey = keys.output(isPrivate, jobId);
  if (!(await objects.head(resultKey))) {
    trace(() => `${jobId} has no result yet`);
    const painted = await paint(job, deps);
    if (!painted) return "interrupted";
    const { png, thumbnail } = painted;
    // The result last: where it is, all is done.
    await objects.put(keys.thumbnail(isPrivate, jobId), thumbnail, { contentType: "image/jpeg" });
    await objects.put(resultKey, png, { contentType: "image/png", ifAbsent: true });
  }
  await publish({ requestId, resultKey }, deps);
  const warn = (error: unknown) => log.warn({ err: error }, "the checkpoint was not removed");
  await objects.delete(keys.checkpoint(jobId)).catch(warn);
  return "done";
}

/** Pixels of the thumbnail's long side, at most: what a page of many results shows of each. */
const THUMBNAIL_SIZE = 480;

/** The result as PNG, and small as JPEG; undefined when the job was stopped. */
async function paint(job: WorkerJob, deps: JobDeps) {
  const { context, network, tuning, signal, log } = deps;
  const { content, styles, settings, digests } = await prepare(job, deps);
  const scales = planScales(content, settings);
  const jobId = jobIdOf(job.requestId);
  const checkpoints = new Checkpoints({
    ...deps,
    key: keys.checkpoint(jobId),
    digest: digestOf({ ...digests, settings, scales, network }),
    everySeconds: deps.limits.checkpointSeconds,
  });
  const progress = new ProgressReporter({ ...deps, requestId: job.requestId, scales });
  const resume = await checkpoints.load();
  if (signal.aborted) return undefined;
  const { size, steps } = settings;
  log.info({ size, steps, network: network.name, from: resume && [resume.scale, resume.step] }, "job begins");
  const { picture, aborted, last } = await stylize({
    ...settings,
    context,
    network,
    tuning,
    content,
    styles,
    resume,
    signal,
    onNote: (sentence) => log.warn(sentence),
    onIterate: async (iterate, present) => {
      trace(() => `${jobId} step ${iterate.totalStep} of ${iterate.totalSteps}`);
      await progress.step(iterate, present);
      await checkpoints.step(async () => checkpointOf(iterate, await present()));
    },
  });
  if (aborted) {
    if (last) await checkpoints.save(checkpointOf(last, picture));
    return undefined;
  }
  await checkpoints.settled();
  return {
    png: await encodePicture(picture, "png", { transparency: content }),
    thumbnail: await encodePicture(atMost(picture, THUMBNAIL_SIZE), "jpeg"),
  };
}

/** The pictures at the size of the run, and its settings. */
async function prepare(job: WorkerJob, { objects, limits, context, network }: JobDeps) {
  const { maxPixels } = limits;
  const content = await readInput(objects, job.contentKey, maxPixels, "bad-content");
  const style = await readInput(objects, styleKey(job.style), maxPixels, "bad-style");
  const max = context.isSoftware ? limits.maxSizeSoftware : limits.maxSize;
  const size = sizeOf(content.picture, job.options.size, max);
  const settings = settingsOf(job.options, size, limits.steps, network);
  return {
    content: longSide(content.picture, size),
    styles: [atMost(style.picture, Math.ceil(size * settings.styleSize))],
    settings,
    digests: { content: content.digest, style: style.digest },
  };
}

/** Throws StoreError. */
async function publish(message: WorkerMessage, { publisher }: JobDeps): Promise<void> {
  await publisher.publish(JSON.stringify(message));
}
