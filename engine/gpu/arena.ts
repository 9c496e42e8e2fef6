/** Owner of a group of buffers and textures that live and die together. */
import { StylizeError } from "../errors.ts";
import { mib, roundUp } from "../numbers.ts";
import { bufferUsage, textureUsage } from "./webgpu.ts";

const { MAP_READ, COPY_SRC, COPY_DST, UNIFORM, STORAGE } = bufferUsage;

export type TexelFormat = "rgba32float" | "rgba32uint";

/** What an arena allocates from, and where its bytes are counted: a `GpuContext`. */
export interface Ledger {
  readonly device: GPUDevice;
  readonly limits: GPUSupportedLimits;
  /** Bytes of the largest storage buffer that can be made and bound whole. */
  readonly maxBufferBytes: number;
  readonly adapterName: string;
  /** Bytes of buffers and textures alive now, and the most there ever were. */
  liveBytes: number;
  peakBytes: number;
  /** Waits until the memory of all that was destroyed is free. Never rejects. */
  reclaim(): Promise<void>;
}

export class Arena implements Disposable, AsyncDisposable {
  readonly label: string;
  readonly #ledger: Ledger;
  readonly #owned: (() => void)[] = [];
  readonly #parts: Arena[] = [];
  #bytes = 0;

  constructor(ledger: Ledger, label: string) {
    this.#ledger = ledger;
    this.label = label;
  }

  /** Bytes of all that it owns now. */
  get bytes(): number {
    return this.#parts.reduce((bytes, part) => bytes + part.bytes, this.#bytes);
  }

  /** Another, whose memory is part of this one's and may go before it. */
  part(label: string): Arena {
    const part = new Arena(this.#ledger, `${this.label}: ${label}`);
    this.#parts.push(part);
    return part;
  }

  /** A storage buffer of `bytes`, rounded up to 16; zeroed. */
  buffer(label: string, bytes: number): GPUBuffer {
    const size = Math.max(16, roundUp(bytes, 16));
    const { maxBufferBytes, adapterName } = this.#ledger;
    if (size > maxBufferBytes) throw tooLarge(label, size, maxBufferBytes, adapterName);
    return this.#buffer(label, size, STORAGE | COPY_SRC | COPY_DST);
  }

  /** A storage buffer that holds `data`. */
  bufferWith(label: string, data: Float32Array | Uint32Array | Uint16Array): GPUBuffer {
    const buffer = this.buffer(label, data.byteLength);
    this.#ledger.device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
    return buffer;
  }

  uniform(label: string, bytes: number): GPUBuffer {
    return this.#buffer(label, bytes, UNIFORM | COPY_DST);
  }

  /** A buffer the host can map for reading. */
  staging(label: string, bytes: number): GPUBuffer {
    return this.#buffer(label, bytes, MAP_READ | COPY_DST);
  }

  /**
   * A texture of 16 bytes a texel that kernels read with `textureLoad`: [layers][height][width] of vec4f or vec4u;
   * zeroed.
   */
  texture(
    label: string,
    width: number,
    height: number,
    layers = 1,
    format: TexelFormat = "rgba32float",
  ): GPUTexture {
    const { limits, adapterName, device } = this.#ledger;
    const { maxTextureDimension2D, maxTextureArrayLayers } = limits;
    const side = Math.max(width, height);
    if (side > maxTextureDimension2D || layers > maxTextureArrayLayers) {
      throw new StylizeError(
        "unsupported",
        `Expected '${label}' to fit a texture of ${maxTextureDimension2D} pixels a side on ${adapterName} ` +
          `but it needs ${width}x${height}x${layers}; choose a smaller --size.`,
      );
    }
    const texture = device.createTexture({
      label: `${this.label}: ${label}`,
      size: [width, height, layers],
      format,
      // Nobody renders to it, but Dawn clears what it can't render to through a buffer of its size.
      usage:
        textureUsage.STORAGE | textureUsage.COPY_DST | textureUsage.COPY_SRC | textureUsage.RENDER_ATTACHMENT,
    });
    this.own(16 * width * height * layers, () => texture.destroy());
    return texture;
  }

  #buffer(label: string, size: number, usage: number): GPUBuffer {
    const buffer = this.#ledger.device.createBuffer({ label: `${this.label}: ${label}`, size, usage });
    this.own(size, () => buffer.destroy());
    return buffer;
  }

  /** Takes charge of something else of the device that holds `bytes`. */
  own(bytes: number, free: () => void): void {
    this.#owned.push(free);
    this.#bytes += bytes;
    this.#ledger.liveBytes += bytes;
    this.#ledger.peakBytes = Math.max(this.#ledger.peakBytes, this.#ledger.liveBytes);
  }

  /** Frees everything; the arena can be used again. */
  [Symbol.dispose](): void {
    for (const part of this.#parts.splice(0)) part[Symbol.dispose]();
    for (const free of this.#owned.splice(0)) free();
    this.#ledger.liveBytes -= this.#bytes;
    this.#bytes = 0;
  }

  /** The same, and waits until others can have the memory. */
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    await this.#ledger.reclaim();
  }
}

function tooLarge(label: string, size: number, limit: number, adapter: string): StylizeError {
  return new StylizeError(
    "out-of-memory",
    `Expected '${label}' to fit in one buffer of ${mib(limit)} on ${adapter} but it needs ${mib(size)}; ` +
      "choose a smaller --size.",
  );
}
