/** Pictures too large for a message: clients put them into the store, under keys that nobody else can use. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { PictureType } from "../protocol/picture-types.ts";
import { keys } from "../protocol/protocol.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { RequestFailure } from "./request-failure.ts";

const SECONDS = 900;

export type Uploads = ReturnType<typeof createUploads>;

export function createUploads(objects: ObjectStore, secret: string, maxBytes: number) {
  return { create, read, remove };

  /** Throws RequestFailure `bad-picture` where it would be too large. */
  async function create(client: string, contentType: PictureType, bytes: number) {
    if (bytes > maxBytes) throw new RequestFailure("bad-picture");
    const random = randomBytes(12).toString("hex");
    const uploadKey = keys.upload(`${random}-${mark(client, random)}`, contentType);
    const terms = { contentType, maxBytes, seconds: SECONDS };
    return { uploadKey, ...(await objects.presignUpload(uploadKey, terms)) };
  }

  /** The picture's bytes. Throws RequestFailure `unknown-upload`. */
  async function read(client: string, uploadKey: string): Promise<Uint8Array> {
    const info = isOwn(client, uploadKey) ? await objects.head(uploadKey) : undefined;
    if (info && info.size > maxBytes) throw new RequestFailure("bad-picture");
    const object = info && (await objects.get(uploadKey));
    if (!object) throw new RequestFailure("unknown-upload");
    return object.body;
  }

  /** Once it was used. What is never used is the store's lifecycle's to remove, or retention.ts'. */
  async function remove(client: string, uploadKey: string): Promise<void> {
    if (isOwn(client, uploadKey)) await objects.delete(uploadKey);
  }

  function isOwn(client: string, uploadKey: string): boolean {
    const [, random = "", given = ""] =
      /^private\/upload\/([0-9a-f]{24})-([0-9a-f]{32})\.(jpg|png|webp)$/.exec(uploadKey) ?? [];
    return given !== "" && timingSafeEqual(Buffer.from(given), Buffer.from(mark(client, random)));
  }

  function mark(client: string, random: string): string {
    return createHmac("sha256", secret).update(`upload ${client} ${random}`).digest("hex").slice(0, 32);
  }
}
