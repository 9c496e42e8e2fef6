/** Where pictures lie: a folder on one machine, S3 in the cloud. */
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
 * Objects under keys of `/`-separated names (`isKey` says which). Writes are atomic: a reader sees the whole object or
 * none.
 *
 * Every method may throw StoreError.
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
  /**
   * A URL that anybody may read who has it, for so many seconds. Made anew each time: it dies with the credentials that
   * signed it.
   */
  presign(key: string, seconds: number): Promise<string>;
  /** The lasting URL of an object under `public/` or `style/`. */
  publicUrl(key: string): string;
  /**
   * A form with which a browser may put one object of that type, not empty and of at most so many bytes; the file comes
   * last, as `file`.
   */
  presignUpload(key: string, terms: UploadTerms): Promise<UploadForm>;
  /** Whether the store answers. */
  check(): Promise<void>;
}

/** A store did not do what it was asked. `retryable`: the same may work later. */
export class StoreError extends Error {
  readonly retryable: boolean;

  constructor(message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = "StoreError";
    this.retryable = options.retryable;
  }
}
