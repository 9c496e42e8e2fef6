/** How long submitted work takes on the device, where the adapter has timestamps. */
import type { Arena } from "./arena.ts";
import type { GpuContext } from "./context.ts";
import { bufferUsage } from "./webgpu.ts";

/** Two 64-bit timestamps. */
export const STOPWATCH_BYTES = 16;

export class Stopwatch {
  readonly #querySet: GPUQuerySet | undefined;
  readonly #resolved: GPUBuffer | undefined;

  constructor({ device }: GpuContext, arena: Arena) {
    if (!device.features.has("timestamp-query")) return;
    this.#querySet = device.createQuerySet({ type: "timestamp", count: 2 });
    this.#resolved = device.createBuffer({
      size: STOPWATCH_BYTES,
      usage: bufferUsage.QUERY_RESOLVE | bufferUsage.COPY_SRC,
    });
    arena.own(STOPWATCH_BYTES, () => {
      this.#querySet?.destroy();
      this.#resolved?.destroy();
    });
  }

  start(encoder: GPUCommandEncoder): void {
    const querySet = this.#querySet;
    if (querySet)
      encoder.beginComputePass({ timestampWrites: { querySet, beginningOfPassWriteIndex: 0 } }).end();
  }

  /** Ends the measurement and copies it to `target`, which is left alone where there are no timestamps. */
  stop(encoder: GPUCommandEncoder, target: GPUBuffer, offset: number): void {
    const querySet = this.#querySet;
    if (!querySet || !this.#resolved) return;
    encoder.beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: 1 } }).end();
    encoder.resolveQuerySet(querySet, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, target, offset, STOPWATCH_BYTES);
  }

  /** Milliseconds of a measurement that was copied to `bytes`; 0 where there are no timestamps. */
  static read(bytes: ArrayBuffer, offset: number): number {
    const [start, end] = new BigUint64Array(bytes, offset, 2);
    return Number(end! - start!) / 1e6;
  }
}
