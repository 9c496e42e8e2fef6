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

  /** For the pass with which the measurement begins. */
  get begin(): GPUComputePassTimestampWrites | undefined {
    return this.#querySet && { querySet: this.#querySet, beginningOfPassWriteIndex: 0 };
  }

  /** For the pass with which it ends. Passes without work have no time on some drivers. */
  get end(): GPUComputePassTimestampWrites | undefined {
    return this.#querySet && { querySet: this.#querySet, endOfPassWriteIndex: 1 };
  }

  /** Copies the measurement to `target`, which is left alone where there are no timestamps. */
  read(encoder: GPUCommandEncoder, target: GPUBuffer, offset: number): void {
    const querySet = this.#querySet;
    if (!querySet || !this.#resolved) return;
    encoder.resolveQuerySet(querySet, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, target, offset, STOPWATCH_BYTES);
  }

  /**
   * Milliseconds of a measurement that was copied to `bytes`, which began and ended within `hostMs` on the host;
   * undefined where there are no timestamps, or none that can be.
   */
  static milliseconds(bytes: ArrayBuffer, offset: number, hostMs: number): number | undefined {
    const [start, end] = new BigInt64Array(bytes, offset, 2);
    const ms = Number(end! - start!) / 1e6;
    return ms > 0 && ms <= 1.1 * hostMs + 1 ? ms : undefined; // clocks differ by less
  }
}
