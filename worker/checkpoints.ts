/** The checkpoint of a job in the store. */
import type { Logger } from "pino";
import { Occasional } from "../common/occasional.ts";
import type { Checkpoint } from "../engine/checkpoint.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

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
