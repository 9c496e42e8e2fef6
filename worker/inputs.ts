/** The pictures of a job, and what is to be done with them. */
import { createHash } from "node:crypto";
import sharp from "sharp";
import { StylizeError } from "../engine/errors.ts";
import type { Network } from "../engine/network/types.ts";
import { parseSettings, type Settings } from "../engine/options.ts";
import { MIN_SIDE, type Size } from "../engine/pyramid.ts";
import {
  type FailureReason,
  type JobOptions,
  keys,
  type Strength,
  styleNameSchema,
} from "../gateway/protocol.ts";
import { type DecodedPicture, decodePicture, type Format } from "../pictures/index.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { JobFailure } from "./failures.ts";

const formats: readonly Format[] = ["jpeg", "png", "webp"];
const DECODE_SECONDS = 60;

// Whatever a file claims to be, the decoders of other formats never see it.
sharp.block({ operation: ["VipsForeignLoadTiff", "VipsForeignLoadHeif"] });

/** Times the network's own content weight. */
const contentFactors: Readonly<Record<Strength, number>> = { gentle: 4, balanced: 1, bold: 0.25 };

export interface Input extends DecodedPicture {
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
}

/**
 * Reads a picture from the store.
 *
 * @throws JobFailure `missing-input`, or `reason` where it is no picture that may be taken; StoreError.
 */
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
  return styleNameSchema.safeParse(style).success ? keys.style(style) : style;
}

/**
 * The long side of the result, in pixels: what was asked for, or the content's own, never larger than that nor than `max`. A thin picture
 * gets more than was asked for where its short side would be too short for the network.
 *
 * @throws JobFailure `bad-content` where that is more than `max`.
 */
export function sizeOf({ width, height }: Size, wanted: number | undefined, max: number): number {
  const long = Math.max(width, height);
  const least = Math.ceil((MIN_SIDE * long) / Math.min(width, height));
  const size = Math.max(least, Math.min(wanted ?? long, long, max));
  if (size <= max) return size;
  const message = `Expected a picture whose short side is ${MIN_SIDE} pixels at a long side of ${max} but received ${width}x${height}.`;
  throw new JobFailure("bad-content", message);
}

/** The engine's settings for what a client chose. */
export function settingsOf(
  { steps, strength = "balanced" }: JobOptions,
  size: number,
  defaultSteps: number,
  { defaults }: Network,
): Settings {
  const contentWeight = defaults.contentWeight * contentFactors[strength];
  return parseSettings({ size, steps: steps ?? defaultSteps, contentWeight });
}
