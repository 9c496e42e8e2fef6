/** Checkpoints as bytes: a line of JSON, then the picture's planes as little-endian float32, [3][height][width]. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Checkpoint } from "../engine/checkpoint.ts";
import type { Network } from "../engine/network/types.ts";
import type { SettingsInput } from "../engine/options.ts";
import type { ScalePlan } from "../engine/pyramid.ts";

/** Changes with the form of the bytes, and when the engine would go on otherwise from the same checkpoint. */
const VERSION = 1;

const headerSchema = z.strictObject({
  stylizeCheckpoint: z.literal(VERSION),
  digest: z.string(),
  scale: z.int().min(0),
  step: z.int().min(0),
  width: z.int().min(1),
  height: z.int().min(1),
});

/** All that a run's result depends on: a checkpoint of one run is worth nothing to another. */
export interface RunIdentity {
  /** SHA-256 of the files' bytes. */
  readonly content: string;
  readonly style: string;
  readonly settings: SettingsInput;
  readonly scales: readonly ScalePlan[];
  readonly network: Network;
}

export function digestOf({ network, ...run }: RunIdentity): string {
  const { name, preprocessing, defaults } = network;
  return createHash("sha256")
    .update(JSON.stringify({ ...run, network: { name, preprocessing, defaults } }))
    .digest("hex");
}

export function encodeCheckpoint({ scale, step, picture }: Checkpoint, digest: string): Uint8Array {
  const { width, height, data } = picture;
  const header = { stylizeCheckpoint: VERSION, digest, scale, step, width, height };
  const planes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), planes]);
}

/** Undefined for what is damaged, of another version or of a run with another digest. */
export function decodeCheckpoint(bytes: Uint8Array, digest: string): Checkpoint | undefined {
  const end = bytes.subarray(0, 1024).indexOf(0x0a);
  if (end < 0) return undefined;
  const header = headerSchema.safeParse(jsonOf(bytes.subarray(0, end)));
  if (!header.success || header.data.digest !== digest) return undefined;
  const { scale, step, width, height } = header.data;
  const planes = new Uint8Array(bytes.subarray(end + 1)); // a copy: float32 must lie at a multiple of 4
  if (planes.byteLength !== 12 * width * height) return undefined;
  const data = new Float32Array(planes.buffer);
  return { scale, step, picture: { width, height, data } };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
