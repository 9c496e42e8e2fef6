/** Records as clients see them: with URLs made at this moment, and nothing that is not theirs to know. */
import {
  failureReasons,
  type ImageItem,
  type JobProgress,
  type JobView,
  keys,
} from "../protocol/protocol.ts";
import type { JobRecord, JobStore } from "../stores/job-store.ts";
import type { ObjectStore } from "../stores/object-store.ts";

/** Seconds that a presigned URL holds. */
const URL_SECONDS = 900;

export type Views = ReturnType<typeof createViews>;

export function createViews(objects: ObjectStore, jobs: JobStore) {
  /** Mean milliseconds of a job, over the last that this gateway heard of. */
  let meanMs = 60_000;
  return { learn, progress, job, result, image };

  /** Learns from a job that has succeeded how long they take. */
  function learn({ startedAt, endedAt }: JobRecord): void {
    if (startedAt !== undefined && endedAt !== undefined) meanMs += 0.2 * (endedAt - startedAt - meanMs);
  }

  async function progress(record: JobRecord): Promise<JobProgress> {
    const { jobId, seq, status, progress } = record;
    if (status === "queued") {
      const position = await jobs.position(jobId);
      return { seq, status, position, etaMs: Math.round((position + 1) * meanMs) };
    }
    if (status === "starting") return { seq, status, etaMs: Math.round(meanMs) };
    if (!progress) return { seq, status };
    const { step, total, etaMs, loss, previewKey } = progress;
    return {
      seq,
      status,
      step,
      total,
      etaMs,
      ...(loss === undefined ? {} : { loss }),
      ...(previewKey === undefined ? {} : { preview: await objects.presign(previewKey, URL_SECONDS) }),
    };
  }

  async function job(record: JobRecord): Promise<JobView> {
    const { jobId, isPrivate, style, options, createdAt, startedAt, endedAt, failure, contentKey } = record;
    return {
      ...(await progress(record)),
      jobId,
      isPrivate,
      ...(isName(style) ? { style } : {}),
      options,
      createdAt,
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(endedAt === undefined ? {} : { endedAt }),
      content: await url(record, contentKey),
      ...(record.resultKey === undefined ? {} : await resultUrls(record, record.resultKey)),
      ...(failure === undefined ? {} : { failure: { code: failure, message: failureReasons[failure] } }),
    };
  }

  /** The URL of the result of a job that has succeeded. */
  function result(record: JobRecord): Promise<string> {
    return url(record, record.resultKey!);
  }

  /** A public job that has succeeded. */
  function image({ jobId, resultKey, contentKey, style, endedAt }: JobRecord): ImageItem {
    return {
      jobId,
      result: objects.publicUrl(resultKey!),
      thumbnail: objects.publicUrl(keys.thumbnail(false, jobId)),
      content: objects.publicUrl(contentKey),
      ...(isName(style) ? { style } : {}),
      endedAt: endedAt!,
    };
  }

  async function resultUrls(record: JobRecord, resultKey: string) {
    const thumbnailKey = keys.thumbnail(record.isPrivate, record.jobId);
    return { result: await url(record, resultKey), thumbnail: await url(record, thumbnailKey) };
  }

  async function url({ isPrivate }: JobRecord, key: string): Promise<string> {
    return isPrivate ? objects.presign(key, URL_SECONDS) : objects.publicUrl(key);
  }
}

/** Whether a style is one of the store's, not the client's own. */
function isName(style: string): boolean {
  return !style.includes("/");
}
