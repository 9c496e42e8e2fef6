/**
 * What clients, gateways and workers say to each other; all of them, and the pages, share it.
 * How gateways and workers check what they are told is in schemas.ts, which clients do without.
 *
 * Events that carry an id have it in their name (`JOB_PROGRESS::<jobId>`), so that a client can listen for its own job
 * alone.
 */
import type { JobStatus } from "./job-status.ts";
import { type PictureType, pictureTypes } from "./picture-types.ts";

export * from "./job-status.ts";

/** A style's name: that of a picture in the store's `style/`, without a path. */
export function isStyleName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}\.(jpg|jpeg|png|webp)$/.test(text);
}

/** How strongly the style takes hold. */
export const strengths = ["gentle", "balanced", "bold"] as const;
export type Strength = (typeof strengths)[number];

/** What a client may choose; the gateway's limits cut `size` and `steps`. */
export interface JobOptions {
  /** Long side of the result in pixels, from 32 to 16384; the content's own when not given. */
  readonly size?: number | undefined;
  /** At the last scale, from 1 to 2000. */
  readonly steps?: number | undefined;
  readonly strength?: Strength | undefined;
}

/** A data URL, or the key that CREATE_UPLOAD gave. */
export type SentPicture = string | { readonly uploadKey: string };

export interface TransferStyle {
  readonly image: SentPicture;
  /** A style's name, or the client's own picture. */
  readonly style: SentPicture;
  readonly isPrivate: boolean;
  readonly options?: JobOptions | undefined;
  /** The same key, of 8 to 100 characters, from the same client within a day means the same job. */
  readonly idempotencyKey?: string | undefined;
}

export interface Page {
  /** From 1 to 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

export interface JobReference {
  /** 128 random bits in hexadecimal. */
  readonly jobId: string;
  /** What entitles to the job: 256 random bits in base64url, told once to whoever asked for it. */
  readonly token: string;
}

export interface CreateUpload {
  readonly contentType: PictureType;
  readonly bytes: number;
}

/** Why a job failed, in codes that are safe to show. */
export const failureReasons = {
  "bad-content": "The picture can't be read as JPEG, PNG or WebP, or is too large or too small.",
  "bad-style": "The style can't be read as JPEG, PNG or WebP, or is too large or too small.",
  "missing-input": "A picture of this job is no longer there.",
  "too-large": "The picture is too large for the machine that tried it; choose a smaller size.",
  "timed-out": "The job took longer than it may.",
  interrupted: "The machine was taken away, too often to try again.",
  internal: "Something failed on our side; the same request may work later.",
} as const;
export type FailureReason = keyof typeof failureReasons;

/** Why a request was refused. */
export const requestErrors = {
  "invalid-request": "The request is not of the form that this event takes.",
  "bad-picture": "A picture can't be read as JPEG, PNG or WebP, or is too large or too small.",
  "unknown-style": "There is no style of that name.",
  "unknown-upload": "There is no upload with that key, or it is not yours.",
  "unknown-job": "There is no such job, or the token is not its own.",
  "not-cancellable": "The job has already ended.",
  "too-many-requests": "Too many requests; try again later.",
  "too-many-jobs": "Too many jobs at a time; wait for one to end.",
  "daily-limit": "The limit of jobs a day is reached.",
  unauthorized: "This needs a valid login.",
  unavailable: "The service can't take this now; try again later.",
  internal: "Something failed on our side; the same request may work later.",
} as const;
export type RequestErrorCode = keyof typeof requestErrors;

export interface RequestError {
  readonly error: {
    readonly code: RequestErrorCode;
    readonly message: string;
    readonly retryAfterMs?: number;
  };
}

export interface JobProgress {
  readonly seq: number;
  readonly status: JobStatus;
  /** Jobs before this one, while it is queued. */
  readonly position?: number;
  readonly step?: number;
  readonly total?: number;
  readonly etaMs?: number;
  readonly loss?: number;
  /** A small picture of how far it is: a URL that holds for minutes. */
  readonly preview?: string;
}

/** A job as its owner sees it. */
export interface JobView extends JobProgress {
  readonly jobId: string;
  readonly isPrivate: boolean;
  /** A style's name; absent when it was the client's own. */
  readonly style?: string;
  readonly options: JobOptions;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** URLs, presigned where private. */
  readonly content?: string;
  readonly result?: string;
  /** The result with at most 480 pixels, as JPEG. */
  readonly thumbnail?: string;
  readonly failure?: { readonly code: FailureReason; readonly message: string };
}

export interface StyleItem {
  readonly name: string;
  readonly url: string;
}

/** A public result. */
export interface ImageItem {
  readonly jobId: string;
  readonly result: string;
  /** The result with at most 480 pixels, as JPEG. */
  readonly thumbnail: string;
  readonly content: string;
  readonly style?: string;
  readonly endedAt: number;
}

export type Answer<T> = (answer: T | RequestError) => void;

export interface Accepted {
  /** `<socket.id>::<jobId>` */
  readonly requestId: string;
  readonly jobId: string;
  readonly token: string;
}

export interface ClientEvents {
  TRANSFER_STYLE(request: TransferStyle, answer: Answer<Accepted>): void;
  LIST_STYLES(page: Page, answer: Answer<{ styles: readonly StyleItem[]; next?: string }>): void;
  /** Public results, newest first. */
  LIST_IMAGES(page: Page, answer: Answer<{ images: readonly ImageItem[]; next?: string }>): void;
  /** Also makes this connection receive the job's events from now on. */
  GET_JOB(job: JobReference, answer: Answer<{ job: JobView }>): void;
  CANCEL_JOB(job: JobReference, answer: Answer<{ job: JobView }>): void;
  /** Removes the job's pictures and record; a job that has not ended is cancelled first. */
  DELETE_JOB(job: JobReference, answer: Answer<{ deleted: true }>): void;
  CREATE_UPLOAD(
    upload: CreateUpload,
    answer: Answer<{ uploadKey: string; url: string; fields: Readonly<Record<string, string>> }>,
  ): void;
}

/** Per job also `TRANSFER_STYLE_COMPLETED::<jobId>`, `TRANSFER_STYLE_FAILED::<jobId>`, `JOB_PROGRESS::<jobId>`. */
export interface ServerEvents {
  /** To everyone, for each public result. */
  TRANSFER_STYLE_COMPLETED(image: ImageItem): void;
  [completed: `TRANSFER_STYLE_COMPLETED::${string}`]: (result: { readonly result: string }) => void;
  [failed: `TRANSFER_STYLE_FAILED::${string}`]: (failure: {
    readonly code: FailureReason | "cancelled";
    readonly message: string;
  }) => void;
  [progress: `JOB_PROGRESS::${string}`]: (progress: JobProgress) => void;
}

/** What a site says of itself at `GET /site.json`. */
export interface Site {
  /** Bytes of the largest picture file. */
  readonly maxImageBytes: number;
  /** Of the largest picture. */
  readonly maxPixels: number;
  /** Pixels of the long side of the largest result. */
  readonly maxSize: number;
  /** At the last scale. */
  readonly maxSteps: number;
  /** Whether clients must present a token to connect. */
  readonly needsLogin: boolean;
  /** Of a trained network, as safetensors, for browsers that paint by themselves. */
  readonly weightsUrl?: string;
}

/** Keys of a job's objects in the store. */
export const keys = {
  input: (isPrivate: boolean, jobId: string, type: PictureType) =>
    `${isPrivate ? "private" : "public"}/input/${jobId}.${pictureTypes[type]}`,
  output: (isPrivate: boolean, jobId: string) => `${isPrivate ? "private" : "public"}/output/${jobId}.png`,
  ownStyle: (jobId: string, type: PictureType) => `private/style/${jobId}.${pictureTypes[type]}`,
  /** Of the result, beside it: it is read and deleted by whoever may read and delete that. */
  thumbnail: (isPrivate: boolean, jobId: string) => `${isPrivate ? "private" : "public"}/output/${jobId}.jpg`,
  preview: (jobId: string) => `private/preview/${jobId}.jpg`,
  checkpoint: (jobId: string) => `private/checkpoint/${jobId}`,
  upload: (uploadId: string, type: PictureType) => `private/upload/${uploadId}.${pictureTypes[type]}`,
  style: (name: string) => `style/${name}`,
} as const;

/** What a worker is started with; Batch hands these over as arguments. */
export interface WorkerJob {
  readonly contentKey: string;
  /** A style's name, or the key of the client's own. */
  readonly style: string;
  readonly requestId: string;
  readonly options: JobOptions;
}

/** How far a worker is. */
export interface WorkerProgress {
  /** Rises with every message of a job, over attempts too: milliseconds since 1970. */
  readonly at: number;
  readonly step: number;
  readonly total: number;
  readonly etaMs: number;
  readonly loss?: number | undefined;
  readonly previewKey?: string | undefined;
}

/** What a worker publishes. The first form is the original contract. */
export type WorkerMessage =
  | { readonly requestId: string; readonly resultKey: string }
  | { readonly requestId: string; readonly failure: FailureReason }
  | { readonly requestId: string; readonly progress: WorkerProgress };

export function jobIdOf(requestId: string): string {
  return requestId.slice(requestId.lastIndexOf("::") + 2);
}
