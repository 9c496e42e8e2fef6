/** A job's checkpoint in the store: a line of JSON, then the picture as little-endian float32, [3][height][width]. */
import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { z } from "zod";
import { Occasional } from "../common/occasional.ts";
import type { Checkpoint } from "../engine/checkpoint.ts";
import type { Network } from "../engine/network/types.ts";
import type { SettingsInput } from "../engine/options.ts";
import type { ScalePlan } from "../engine/pyramid.ts";
import type { ObjectStore } from "../stores/object-store.ts";

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

/** Two networks may have one name: files are exchanged. So the digest is that of their weights, too. */
export function digestOf({ network, ...run }: RunIdentity): string {
  const { weights, ...told } = network;
  const hash = createHash("sha256").update(JSON.stringify({ ...run, network: told }));
  for (const { weight, bias } of weights.values()) hash.update(weight).update(bias);
  return hash.digest("hex");
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

export interface CheckpointsOptions {
  readonly key: string;
  /** What the run depends on: see `digestOf`. */
  readonly digest: string;
  readonly everySeconds: number;
  readonly objects: ObjectStore;
  readonly clock: () => number;
  readonly log: Logger;
}

/** How long a write under way may hold up another. */
const SETTLE_MS = 5000;

/** Not having a checkpoint costs time only: nothing here fails the job. */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  readonly #writes: Occasional;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#writes = new Occasional({
      everyMs: 1000 * options.everySeconds,
      waitsFirst: true,
      clock: options.clock,
      onError: this.#warn("written"),
    });
  }

  /** The checkpoint that an earlier attempt at the same run left. */
  async load(): Promise<Checkpoint | undefined> {
    const { key, digest, objects, log } = this.#options;
    const object = await objects.get(key).catch(this.#warn("read"));
    if (!object) return undefined;
    const checkpoint = decodeCheckpoint(object.body, digest);
    if (!checkpoint) log.warn("a checkpoint was left alone: it is damaged or another run's");
    return checkpoint;
  }

  /** Call after each step; `make` is asked only when a checkpoint is due, which is then written in the background. */
  async step(make: () => Promise<Checkpoint>): Promise<void> {
    if (!this.#writes.isDue) return;
    const since = this.#options.clock();
    const checkpoint = await make();
    this.#writes.start(() => this.#put(checkpoint), since);
  }

  /** Writes the last one, now. */
  async save(checkpoint: Checkpoint): Promise<void> {
    await this.settled();
    await this.#put(checkpoint).catch(this.#warn("written"));
  }

  /** Resolves once no write is under way, or after some seconds. */
  settled(): Promise<void> {
    return this.#writes.settled(SETTLE_MS);
  }

  async #put(checkpoint: Checkpoint): Promise<void> {
    const { key, digest, objects, log } = this.#options;
    await objects.put(key, encodeCheckpoint(checkpoint, digest), { contentType: "application/octet-stream" });
    log.debug({ scale: checkpoint.scale, step: checkpoint.step }, "checkpoint written");
  }

  #warn(what: string): (error: unknown) => undefined {
    return (error) => void this.#options.log.warn({ err: error }, `a checkpoint was not ${what}`);
  }
}
