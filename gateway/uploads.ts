/**
 * Pictures too large for a message: put into the store by the client itself, under a key that only this client can use.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { keys, type PictureType } from "../protocol/protocol.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { RequestFailure } from "./request-failure.ts";

const SECONDS = 900;

export class Uploads {
  readonly #objects: ObjectStore;
  readonly #secret: string;
  readonly #maxBytes: number;

  constructor(objects: ObjectStore, secret: string, maxBytes: number) {
    this.#objects = objects;
    this.#secret = secret;
    this.#maxBytes = maxBytes;
  }

  /** Throws RequestFailure `bad-picture` where it would be too large. */
  async create(client: string, contentType: PictureType, bytes: number) {
    if (bytes > this.#maxBytes) throw new RequestFailure("bad-picture");
    const random = randomBytes(12).toString("hex");
    const uploadKey = keys.upload(`${random}-${this.#mark(client, random)}`, contentType);
    const options = { contentType, maxBytes: this.#maxBytes, seconds: SECONDS };
    return { uploadKey, ...(await this.#objects.presignUpload(uploadKey, options)) };
  }

  /** The picture's bytes. Throws RequestFailure `unknown-upload`. */
  async read(client: string, uploadKey: string): Promise<Uint8Array> {
    const info = this.#isOwn(client, uploadKey) ? await this.#objects.head(uploadKey) : undefined;
    if (info && info.size > this.#maxBytes) throw new RequestFailure("bad-picture");
    const object = info && (await this.#objects.get(uploadKey));
    if (!object) throw new RequestFailure("unknown-upload");
    return object.body;
  }

  /** Once it was used. What is never used is the store's lifecycle's to remove, or retention.ts'. */
  async remove(client: string, uploadKey: string): Promise<void> {
    if (this.#isOwn(client, uploadKey)) await this.#objects.delete(uploadKey);
  }

  #isOwn(client: string, uploadKey: string): boolean {
    const [, random = "", mark = ""] =
      /^private\/upload\/([0-9a-f]{24})-([0-9a-f]{32})\.(jpg|png|webp)$/.exec(uploadKey) ?? [];
    return mark !== "" && timingSafeEqual(Buffer.from(mark), Buffer.from(this.#mark(client, random)));
  }

  #mark(client: string, random: string): string {
    return createHmac("sha256", this.#secret).update(`upload ${client} ${random}`).digest("hex").slice(0, 32);
  }
}
