/** The pictures of a job. */
import { createHash } from "node:crypto";
import sharp from "sharp";
import { StylizeError } from "../engine/errors.ts";
import { type DecodedPicture, decodePicture, type Format } from "../pictures/index.ts";
import { type FailureReason, isStyleName, keys } from "../protocol/protocol.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { JobFailure } from "./failures.ts";

const formats: readonly Format[] = ["jpeg", "png", "webp"];
const DECODE_SECONDS = 60;

// Whatever a file claims to be, the decoders of other formats never see it.
sharp.block({ operation: ["VipsForeignLoadTiff", "VipsForeignLoadHeif"] });

export interface Input extends DecodedPicture {
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
}

/** Reads a picture. Throws JobFailure `missing-input`, or `reason` where it is none that may be taken; StoreError. */
export async function readInput(
  objects: ObjectStore,
  key: string,
  maxPixels: number,
  reason: FailureReason,
): Promise<Input> {
  const object = await objects.get(key);
  if (!object) throw new JobFailure("missing-input", `Expected an object at '${key}' but there is none.`);
  try {
    const decoded = await decodePicture(object.body, key, { formats, maxPixels, seconds: DECODE_SECONDS });
    return { ...decoded, digest: createHash("sha256").update(object.body).digest("hex") };
  } catch (error) {
    if (error instanceof StylizeError) throw new JobFailure(reason, error.message, error);
    throw error;
  }
}

/** Where a job's style lies: it is a style's name, or a key. */
export function styleKey(style: string): string {
  return isStyleName(style) ? keys.style(style) : style;
}
