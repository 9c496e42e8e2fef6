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

export class Views {
  readonly #objects: ObjectStore;
  readonly #jobs: JobStore;
  /** Mean milliseconds of a job, over the last that this gateway heard of. */
  #meanMs = 60_000;

  constructor(objects: ObjectStore, jobs: JobStore) {
    this.#objects = objects;
    this.#jobs = jobs;
  }

  /** Learns from a job that has succeeded how long they take. */
  learn({ startedAt, endedAt }: JobRecord): void {
    if (startedAt !== undefined && endedAt !== undefined)
      this.#meanMs += 0.2 * (endedAt - startedAt - this.#meanMs);
  }

  async progress(record: JobRecord): Promise<JobProgress> {
    const { jobId, seq, status, progress } = record;
    if (status === "queued") {
      const position = await this.#jobs.position(jobId);
      return { seq, status, position, etaMs: Math.round((position + 1) * this.#meanMs) };
    }
    if (status === "starting") return { seq, status, etaMs: Math.round(this.#meanMs) };
    if (!progress) return { seq, status };
    const { step, total, etaMs, loss, previewKey } = progress;
    return {
      seq,
      status,
      step,
      total,
      etaMs,
      ...(loss === undefined ? {} : { loss }),
      ...(previewKey === undefined ? {} : { preview: await this.#objects.presign(previewKey, URL_SECONDS) }),
    };
  }

  async job(record: JobRecord): Promise<JobView> {
    const { jobId, isPrivate, style, options, createdAt, startedAt, endedAt, failure, contentKey } = record;
    return {
      ...(await this.progress(record)),
      jobId,
      isPrivate,
      ...(isName(style) ? { style } : {}),
      options,
      createdAt,
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(endedAt === undefined ? {} : { endedAt }),
      content: await this.#url(record, contentKey),
      ...(record.resultKey === undefined ? {} : await this.#resultUrls(record, record.resultKey)),
      ...(failure === undefined ? {} : { failure: { code: failure, message: failureReasons[failure] } }),
    };
  }

  /** The URL of the result of a job that has succeeded. */
  result(record: JobRecord): Promise<string> {
    return this.#url(record, record.resultKey!);
  }

  /** A public job that has succeeded. */
  image({ jobId, resultKey, contentKey, style, endedAt }: JobRecord): ImageItem {
    return {
      jobId,
      result: this.#objects.publicUrl(resultKey!),
      thumbnail: this.#objects.publicUrl(keys.thumbnail(false, jobId)),
      content: this.#objects.publicUrl(contentKey),
      ...(isName(style) ? { style } : {}),
      endedAt: endedAt!,
    };
  }

  async #resultUrls(record: JobRecord, resultKey: string) {
    const thumbnailKey = keys.thumbnail(record.isPrivate, record.jobId);
    const [result, thumbnail] = await Promise.all(
      [resultKey, thumbnailKey].map((key) => this.#url(record, key)),
    );
    return { result: result!, thumbnail: thumbnail! };
  }

  async #url({ isPrivate }: JobRecord, key: string): Promise<string> {
    return isPrivate ? this.#objects.presign(key, URL_SECONDS) : this.#objects.publicUrl(key);
  }
}

/** Whether a style is one of the store's, not the client's own. */
function isName(style: string): boolean {
  return !style.includes("/");
}
