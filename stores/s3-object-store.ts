/** Objects in a bucket of S3, or of a server that speaks like it. */
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { type AwsOptions, type Call, call, clientConfig } from "./aws-call.ts";
import {
  contentTypeOf,
  isKey,
  keyPath,
  type ListOptions,
  maxPage,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  requireKey,
  requirePublicKey,
  requireTypedKey,
  StoreError,
  traceObject,
  type UploadTerms,
} from "./object-store.ts";

/** With `endpoint`, or AWS_ENDPOINT_URL_S3 in the environment, the bucket is addressed in path style. */
export interface S3ObjectStoreOptions extends AwsOptions {
  readonly bucket: string;
  /** Under which `public/` and `style/` can be read, such as CloudFront's address. */
  readonly publicBase?: string | undefined;
  /** For one call, all tries together; 60 when not given. A try that is silent for a sixth of it is given up. */
  readonly seconds?: number | undefined;
}

/**
 * The role needs `s3:ListBucket` too: without it, S3 answers 403 for an object that isn't there. Encryption, lifecycle
 * and access are the bucket's own matter.
 */
export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #publicBase: string;
  readonly #seconds: number;

  constructor(options: S3ObjectStoreOptions) {
    const { bucket, region, publicBase, seconds = 60 } = options;
    const endpoint = options.endpoint ?? (process.env.AWS_ENDPOINT_URL_S3 || undefined);
    this.#bucket = bucket;
    this.#seconds = seconds;
    this.#publicBase = (publicBase ?? plainAddress(bucket, region, endpoint)).replace(/\/$/, "");
    const { requestHandler, ...config } = clientConfig({ ...options, endpoint }, 3);
    this.#client = new S3Client({
      ...config,
      forcePathStyle: endpoint !== undefined,
      requestHandler: { ...requestHandler, socketTimeout: (seconds * 1000) / 6 },
    });
  }

  /**
   * As every `put`; what a try has written whose answer was lost counts as there already. A server that ignores
   * `If-None-Match` lets two writers through that begin in the same moment: looking first only narrows that.
   */
  async put(key: string, body: Uint8Array, { contentType, ifAbsent = false }: PutOptions) {
    requireTypedKey(key, contentType);
    traceObject("write", key);
    if (ifAbsent && (await this.head(key)) !== undefined) return false;
    const command = new PutObjectCommand({
      ...this.#at(key),
      Body: body,
      ContentType: contentType,
      ...(ifAbsent && { IfNoneMatch: "*" }),
    });
    const written = this.#call(`to write '${key}'`, (options) => this.#client.send(command, options));
    if ((await unlessStatus(written, ...(ifAbsent ? [412, 409] : []))) !== undefined) return true;
    if ((await this.head(key)) !== undefined) return false;
    // 409: a removal of the same key came in between.
    throw new StoreError(`Expected to write '${key}' but it was being removed.`, { retryable: true });
  }

  async get(key: string) {
    requireKey(key);
    traceObject("read", key);
    const read = async (options: Call) => {
      const { Body, ContentType } = await this.#client.send(new GetObjectCommand(this.#at(key)), options);
      const body = (await Body?.transformToByteArray()) ?? new Uint8Array();
      return { body, contentType: ContentType ?? contentTypeOf(key) };
    };
    return unlessStatus(this.#call(`to read '${key}'`, read), 404);
  }

  async head(key: string) {
    requireKey(key);
    const send = (options: Call) => this.#client.send(new HeadObjectCommand(this.#at(key)), options);
    const output = await unlessStatus(this.#call(`to look at '${key}'`, send), 404);
    return output && toInfo(key, output.ContentLength, output.LastModified);
  }

  async copy(from: string, to: string) {
    requireKey(from);
    requireTypedKey(to, contentTypeOf(from));
    const command = new CopyObjectCommand({
      ...this.#at(to),
      CopySource: `${this.#bucket}/${keyPath(from)}`,
    });
    const send = (options: Call) => this.#client.send(command, options);
    return (await unlessStatus(this.#call(`to copy '${from}' to '${to}'`, send), 404)) !== undefined;
  }

  async delete(key: string) {
    requireKey(key);
    traceObject("delete", key);
    const send = (options: Call) => this.#client.send(new DeleteObjectCommand(this.#at(key)), options);
    await this.#call(`to delete '${key}'`, send);
  }

  async list(prefix: string, { limit, cursor }: ListOptions) {
    const command = new ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: prefix,
      MaxKeys: Math.min(limit, maxPage),
      ...(cursor !== undefined && { StartAfter: cursor }),
    });
    const output = await this.#call(`to list '${prefix}'`, (options) => this.#client.send(command, options));
    const found = output.Contents ?? [];
    const next = output.IsTruncated ? found.at(-1)?.Key : undefined;
    const objects = found
      .filter(({ Key = "" }) => isKey(Key))
      .map(({ Key = "", Size, LastModified }) => toInfo(Key, Size, LastModified));
    return { objects, ...(next !== undefined && { next }) };
  }

  async presign(key: string, seconds: number) {
    requireKey(key);
    const command = new GetObjectCommand({ ...this.#at(key), ResponseCacheControl: "private, no-store" });
    const sign = () => getSignedUrl(this.#client, command, { expiresIn: seconds });
    return this.#call(`to sign a URL of '${key}'`, sign);
  }

  /** Without `publicBase`, the bucket's own address: its policy must let all read `public/` and `style/`. */
  publicUrl(key: string) {
    requirePublicKey(key);
    return `${this.#publicBase}/${keyPath(key)}`;
  }

  async presignUpload(key: string, { contentType, maxBytes, seconds }: UploadTerms) {
    requireTypedKey(key, contentType);
    const sign = () =>
      createPresignedPost(this.#client, {
        ...this.#at(key),
        Fields: { "Content-Type": contentType },
        Conditions: [
          ["content-length-range", 1, maxBytes],
          ["eq", "$Content-Type", contentType],
        ],
        Expires: seconds,
      });
    return this.#call(`to sign an upload to '${key}'`, sign);
  }

  async check() {
    const command = new HeadBucketCommand({ Bucket: this.#bucket });
    await this.#call("to reach the bucket", (options) => this.#client.send(command, options));
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: key };
  }

  #call<T>(aim: string, send: (options: Call) => Promise<T>): Promise<T> {
    return call(`${aim} in bucket '${this.#bucket}'`, this.#seconds, send);
  }
}

function toInfo(key: string, size = 0, modified = new Date(0)): ObjectInfo {
  return { key, size, modified: modified.getTime() };
}

function plainAddress(bucket: string, region?: string, endpoint?: string): string {
  if (endpoint !== undefined) return `${endpoint.replace(/\/$/, "")}/${bucket}`;
  return `https://${bucket}.s3.${region === undefined ? "" : `${region}.`}amazonaws.com`;
}

/** Undefined where S3 answered with one of these; a bucket that isn't there is no missing object. */
async function unlessStatus<T>(result: Promise<T>, ...statuses: readonly number[]): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    const { cause } = error as StoreError;
    const status = cause instanceof S3ServiceException ? cause.$metadata.httpStatusCode : undefined;
    if (statuses.includes(status ?? 0) && (cause as Error).name !== "NoSuchBucket") return undefined;
    throw error;
  }
}
