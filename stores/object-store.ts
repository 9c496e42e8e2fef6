/** Where pictures lie: a folder on one machine, S3 in the cloud; and what keys may look like, the same for both. */
import { tracer } from "../common/trace.ts";

const trace = tracer("stores:objects");

/** Tells what is done to an object; of a job's, the key has the id. */
export function traceObject(done: string, key: string): void {
  trace(() => `${/[0-9a-f]{32}/.exec(key)?.[0] ?? "-"} ${done} '${key}'`);
}

export interface ObjectInfo {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export interface StoredObject {
  readonly body: Uint8Array;
  readonly contentType: string;
}

export interface PutOptions {
  /** The one that the key's extension stands for: `contentTypeOf(key)`. */
  readonly contentType: string;
  /** Leave alone what is there already (`If-None-Match: *`). */
  readonly ifAbsent?: boolean;
}

/** What may be put with an UploadForm: one object of this type, not empty, of at most so many bytes, for so long. */
export interface UploadTerms {
  readonly contentType: string;
  readonly maxBytes: number;
  readonly seconds: number;
}

export interface ListOptions {
  /** At most 1,000 count. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** In the order of their keys; `next`, the last key of the page, continues. */
export interface ObjectPage {
  readonly objects: readonly ObjectInfo[];
  readonly next?: string;
}

export interface UploadForm {
  readonly url: string;
  /** To be sent before the file, as multipart/form-data. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Objects under keys of `/`-separated names (`isKey`). Writes are atomic: a reader sees the whole object or none. Every
 * method may throw StoreError.
 */
export interface ObjectStore {
  /** Whether the object was written; false only with `ifAbsent`, where there was one. */
  put(key: string, body: Uint8Array, options: PutOptions): Promise<boolean>;
  /** Undefined where there is none. */
  get(key: string): Promise<StoredObject | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /** Copies within the store, to a key of the same type; false where there is nothing at `from`. */
  copy(from: string, to: string): Promise<boolean>;
  /** Nothing happens where there is none. */
  delete(key: string): Promise<void>;
  /** Objects whose keys begin with `prefix`. */
  list(prefix: string, options: ListOptions): Promise<ObjectPage>;
  /** A URL for anybody, for so many seconds. Made anew each time: it dies with the credentials that signed it. */
  presign(key: string, seconds: number): Promise<string>;
  /** The lasting URL of an object under `public/` or `style/`. */
  publicUrl(key: string): string;
  /** A form with which a browser may put one object within `terms`; the file comes last, as `file`. */
  presignUpload(key: string, terms: UploadTerms): Promise<UploadForm>;
  /** Whether the store answers. */
  check(): Promise<void>;
}

/** A store did not do what it was asked. `retryable`: the same may work later; it may not where that isn't said. */
export class StoreError extends Error {
  readonly retryable: boolean;

  constructor(message: string, { retryable = false, cause }: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = "StoreError";
    this.retryable = retryable;
  }
}

/** One name between slashes. It never begins with a dot: `..` is none, and neither are a store's own files. */
const namePattern = /^[A-Za-z0-9_-](?:[A-Za-z0-9 ._-]{0,198}[A-Za-z0-9_-])?$/;
const maxKeyLength = 1024;

const contentTypes: Readonly<Record<string, string>> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  json: "application/json",
};

/** Objects that one page of a listing has at most; S3's own limit. */
export const maxPage = 1000;

export function isKey(key: string): boolean {
  return key.length <= maxKeyLength && key.split("/").every((name) => namePattern.test(name));
}

/** @throws StoreError for what is no key. */
export function requireKey(key: string): void {
  if (isKey(key)) return;
  throw new StoreError(
    "Expected a key of names of at most 200 letters, digits, '-', '_', '.' and spaces " +
      `but received '${key.slice(0, 80)}'.`,
  );
}

/** The type of an object by its key's extension; `application/octet-stream` for all that we don't show. */
export function contentTypeOf(key: string): string {
  const extension = /\.([a-z]+)$/.exec(key)?.[1] ?? "";
  return contentTypes[extension] ?? "application/octet-stream";
}

/** @throws StoreError for what is no key, or one whose extension stands for another type. */
export function requireTypedKey(key: string, contentType: string): void {
  requireKey(key);
  if (contentTypeOf(key) === contentType) return;
  throw new StoreError(
    `Expected content type ${contentTypeOf(key)} for the key '${key}' but received ${contentType}.`,
  );
}

/** Whether anybody may read the object. */
export function isPublicKey(key: string): boolean {
  return key.startsWith("public/") || key.startsWith("style/");
}

/** @throws StoreError for an object that not everybody may read. */
export function requirePublicKey(key: string): void {
  requireKey(key);
  if (isPublicKey(key)) return;
  throw new StoreError(`Expected a key under 'public/' or 'style/' but received '${key}'.`);
}

/** The key as part of a URL. */
export function keyPath(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}
