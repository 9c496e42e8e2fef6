/**
 * The life of a job, whatever carries the news: accepted, submitted, run, ended, deleted.
 *
 * A terminal state is stored before it is announced, and announced before its message is deleted, so a crash anywhere
 * repeats news and loses none. Workers run at least once; what they say twice changes a record once.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { tracer } from "../common/trace.ts";
import type { PictureType } from "../protocol/picture-types.ts";
import {
  type FailureReason,
  isTerminal,
  type JobOptions,
  jobIdOf,
  keys,
  type WorkerMessage,
} from "../protocol/protocol.ts";
import type { JobQueue } from "../stores/job-queue.ts";
import type { JobRecord, JobStore } from "../stores/job-store.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { RequestFailure } from "./request-failure.ts";

export interface JobParts {
  readonly jobs: JobStore;
  readonly objects: ObjectStore;
  readonly queue: JobQueue;
  /** Of the tokens; the same for all gateways. */
  readonly secret: string;
  /** Told of each change, after it was stored; and again, as no news, when it is heard of once more. */
  readonly announce: (record: JobRecord, isNews: boolean) => void;
}

export interface PictureData {
  readonly bytes: Uint8Array;
  readonly type: PictureType;
}

export interface NewJob {
  readonly client: string;
  readonly socketId: string;
  readonly content: PictureData;
  /** A style's name, or the client's own. */
  readonly style: string | PictureData;
  readonly isPrivate: boolean;
  readonly options: JobOptions;
  readonly idempotencyKey: string | undefined;
  /** Called with the job's id before anything can become of it. */
  readonly onAccepted?: (jobId: string) => unknown;
}

/** What a client gets for a job: enough to ask for it from anywhere. */
export interface Ticket {
  readonly record: JobRecord;
  readonly token: string;
}

const trace = tracer("gateway:jobs");

export class JobService {
  readonly #parts: JobParts;

  constructor(parts: JobParts) {
    this.#parts = parts;
  }

  /** Stores pictures, then the record, then submits. Throws RequestFailure `unavailable` where no queue takes it. */
  async start(request: NewJob): Promise<Ticket> {
    const { jobs, objects } = this.#parts;
    const jobId = randomBytes(16).toString("hex");
    const token = this.#tokenOf(jobId);
    const { content, style, isPrivate, client, options } = request;
    const isOwn = typeof style !== "string";
    const contentKey = keys.input(isPrivate, jobId, content.type);
    const record: JobRecord = {
      jobId,
      tokenHash: hash(token),
      client,
      requestId: `${request.socketId}::${jobId}`,
      status: "queued",
      seq: 1,
      isPrivate,
      contentKey,
      style: isOwn ? keys.ownStyle(jobId, style.type) : style,
      options,
      createdAt: Date.now(),
    };
    await put(objects, contentKey, content);
    if (isOwn) await put(objects, record.style, style);
    const { record: kept, created } = await jobs.create(record, request.idempotencyKey);
    trace(() => `${kept.jobId} ${created ? "is new" : "is asked for again"}`);
    if (!created) {
      await this.#deleteObjects(record);
      return this.#again(kept, request.onAccepted);
    }
    await request.onAccepted?.(jobId);
    try {
      return { record: await this.submit(record), token };
    } catch (cause) {
      // As if it had never been: nobody was told of it, and its idempotency key is free for the next try.
      await this.delete(record).catch(() => {});
      throw new RequestFailure("unavailable", { cause });
    }
  }

  /** The job that a client has started with this key before, if any. */
  async known(client: string, idempotencyKey: string, onAccepted: NewJob["onAccepted"]) {
    const record = await this.#parts.jobs.getByKey(client, idempotencyKey);
    return record && this.#again(record, onAccepted);
  }

  /** A job that was asked for again: what has become of it until the client could hear of it. */
  async #again(record: JobRecord, onAccepted: NewJob["onAccepted"]): Promise<Ticket> {
    const { jobId } = record;
    await onAccepted?.(jobId);
    return { record: (await this.#parts.jobs.get(jobId)) ?? record, token: this.#tokenOf(jobId) };
  }

  /** Hands a queued job to the queue. */
  async submit({ jobId, contentKey, style, requestId, options }: JobRecord): Promise<JobRecord> {
    const { jobs, queue } = this.#parts;
    const queueId = await queue.submit({ contentKey, style, requestId, options });
    trace(() => `${jobId} is in the queue as ${queueId}`);
    const updated = await jobs.update(jobId, (record) => ({ ...record, queueId }));
    // Deleted or cancelled while it was submitted: nobody waits for it any more.
    if (!updated || isTerminal(updated.record.status)) await queue.cancel(queueId);
    if (!updated) throw new RequestFailure("unknown-job");
    return updated.record;
  }

  /** The record, if the token is the job's. Throws RequestFailure `unknown-job` for both: ids can't be probed. */
  async authorized({ jobId, token }: { readonly jobId: string; readonly token: string }): Promise<JobRecord> {
    const record = await this.#parts.jobs.get(jobId);
    if (record && timingSafeEqual(Buffer.from(hash(token)), Buffer.from(record.tokenHash))) return record;
    throw new RequestFailure("unknown-job");
  }

  /** Throws RequestFailure `not-cancellable` where it has ended. */
  async cancel(jobId: string): Promise<JobRecord> {
    const updated = await this.#end(jobId, (record) => ({ ...record, status: "cancelled" }));
    if (!updated) throw new RequestFailure("unknown-job");
    const { record, changed } = updated;
    if (!changed && record.status !== "cancelled") throw new RequestFailure("not-cancellable");
    if (record.queueId !== undefined) await this.#parts.queue.cancel(record.queueId);
    return record;
  }

  /** Removes all that there is of a job. */
  async delete(record: JobRecord): Promise<void> {
    const { jobs, queue } = this.#parts;
    if (!isTerminal(record.status)) {
      await this.#end(record.jobId, (present) => ({ ...present, status: "cancelled" }));
      if (record.queueId !== undefined) await queue.cancel(record.queueId);
    }
    trace(() => `${record.jobId} is deleted`);
    await this.#deleteObjects(record); // the record last: as long as it is there, deleting can be tried again
    await jobs.remove(record.jobId);
  }

  async fail(jobId: string, failure: FailureReason): Promise<void> {
    await this.#end(jobId, (record) => ({ ...record, status: "failed", failure }));
  }

  async succeed(jobId: string, resultKey: string): Promise<void> {
    await this.#end(jobId, (record) => ({ ...record, status: "succeeded", resultKey }));
  }

  /** What a worker published. News of jobs that are gone, or have ended otherwise, change nothing. */
  async heard(message: WorkerMessage): Promise<void> {
    const jobId = jobIdOf(message.requestId);
    if ("resultKey" in message) return this.#heardResult(jobId, message.resultKey);
    if ("failure" in message) return this.fail(jobId, message.failure);
    const { progress } = message;
    const updated = await this.#parts.jobs.update(jobId, (record) => {
      const isOld = progress.at <= (record.progress?.at ?? 0);
      if (isOld || isTerminal(record.status) || record.requestId !== message.requestId) return undefined;
      return { ...record, status: "running", startedAt: record.startedAt ?? Date.now(), progress };
    });
    if (updated?.changed) this.#announce(updated.record, true);
  }

  /** For the reconciler: the queue has begun with a job. */
  async began(jobId: string, status: "starting" | "running"): Promise<void> {
    const updated = await this.#parts.jobs.update(jobId, (record) => {
      const isNews = record.status === "queued" || (record.status === "starting" && status === "running");
      if (!isNews) return undefined;
      const { startedAt = Date.now() } = record;
      return status === "running" ? { ...record, status, startedAt } : { ...record, status };
    });
    if (updated?.changed) this.#announce(updated.record, true);
  }

  async #heardResult(jobId: string, resultKey: string): Promise<void> {
    const updated = await this.#end(jobId, (record) =>
      resultKey === keys.output(record.isPrivate, jobId)
        ? { ...record, status: "succeeded", resultKey }
        : undefined,
    );
    // A job that was deleted, or cancelled too late, leaves no result behind.
    const isOwn = [true, false].some((isPrivate) => resultKey === keys.output(isPrivate, jobId));
    const isUnwanted = !updated || updated.record.status === "cancelled";
    if (!isOwn || !isUnwanted) return;
    const thumbnailKey = keys.thumbnail(resultKey.startsWith("private/"), jobId);
    await Promise.all([resultKey, thumbnailKey].map((key) => this.#parts.objects.delete(key)));
  }

  /** Ends a job that has not ended. It is announced even if it had: whoever ended it may have died before doing so. */
  async #end(jobId: string, change: (record: JobRecord) => Omit<JobRecord, "seq"> | undefined) {
    const updated = await this.#parts.jobs.update(jobId, (record) => {
      const ended = isTerminal(record.status) ? undefined : change(record);
      return ended && { ...ended, endedAt: Date.now() };
    });
    if (updated) this.#announce(updated.record, updated.changed);
    return updated;
  }

  #announce(record: JobRecord, isNews: boolean): void {
    trace(() => `${record.jobId} is ${record.status}, seq ${record.seq}${isNews ? "" : ", as it was"}`);
    this.#parts.announce(record, isNews);
  }

  async #deleteObjects({ jobId, isPrivate, contentKey, style }: JobRecord): Promise<void> {
    const { objects } = this.#parts;
    const own = style.startsWith("private/") ? [style] : [];
    const all = [
      contentKey,
      ...own,
      keys.output(isPrivate, jobId),
      keys.thumbnail(isPrivate, jobId),
      keys.preview(jobId),
      keys.checkpoint(jobId),
    ];
    await Promise.all(all.map((key) => objects.delete(key)));
  }

  #tokenOf(jobId: string): string {
    return createHmac("sha256", this.#parts.secret).update(`job ${jobId}`).digest("base64url");
  }
}

function put(objects: ObjectStore, key: string, { bytes, type }: PictureData): Promise<boolean> {
  return objects.put(key, bytes, { contentType: type });
}

function hash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
