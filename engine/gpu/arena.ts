/** Owner of a group of buffers and textures that live and die together. */
import { StylizeError } from "../errors.ts";
import type { GpuContext } from "./context.ts";

// GPUBufferUsage and GPUTextureUsage, whose globals are missing outside browsers.
const MAP_READ = 1;
const COPY_SRC = 4;
const COPY_DST = 8;
const UNIFORM = 64;
const STORAGE = 128;
const TEXTURE_COPY_SRC = 1;
const TEXTURE_COPY_DST = 2;
const TEXTURE_STORAGE = 8;
const TEXTURE_RENDER_ATTACHMENT = 16;

export type TexelFormat = "rgba32float" | "rgba32uint";

export class Arena implements Disposable, AsyncDisposable {
  readonly label: string;
  readonly #context: GpuContext;
  readonly #owned: (() => void)[] = [];
  #bytes = 0;

  constructor(context: GpuContext, label: string) {
    this.#context = context;
    this.label = label;
  }

  /** Bytes of all that it owns now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A storage buffer of `bytes`, rounded up to 16; zeroed. */
  buffer(label: string, bytes: number): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const limit = this.#context.maxBufferBytes;
    if (size > limit) throw tooLarge(label, size, limit, this.#context.adapterName);
    return this.#buffer(label, size, STORAGE | COPY_SRC | COPY_DST);
  }

  /** A storage buffer that holds `data`. */
  bufferWith(label: string, data: Float32Array | Uint32Array | Uint16Array): GPUBuffer {
    const buffer = this.buffer(label, data.byteLength);
    this.#context.device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
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
    const { maxTextureDimension2D, maxTextureArrayLayers } = this.#context.limits;
    const side = Math.max(width, height);
    if (side > maxTextureDimension2D || layers > maxTextureArrayLayers) {
      throw new StylizeError(
        "unsupported",
        `Expected '${label}' to fit a texture of ${maxTextureDimension2D} pixels a side on ${this.#context.adapterName} ` +
          `but it needs ${width}x${height}x${layers}; choose a smaller --size.`,
      );
    }
    const texture = this.#context.device.createTexture({
      label: `${this.label}: ${label}`,
      size: [width, height, layers],
      format,
      // Nobody renders to it, but Dawn clears what it can't render to through a buffer of its size.
      usage: TEXTURE_STORAGE | TEXTURE_COPY_DST | TEXTURE_COPY_SRC | TEXTURE_RENDER_ATTACHMENT,
    });
    this.own(16 * width * height * layers, () => texture.destroy());
    return texture;
  }

  #buffer(label: string, size: number, usage: number): GPUBuffer {
    const buffer = this.#context.device.createBuffer({ label: `${this.label}: ${label}`, size, usage });
    this.own(size, () => buffer.destroy());
    return buffer;
  }

  /** Takes charge of something else of the device that holds `bytes`. */
  own(bytes: number, free: () => void): void {
    this.#owned.push(free);
    this.#bytes += bytes;
    this.#context.liveBytes += bytes;
    this.#context.peakBytes = Math.max(this.#context.peakBytes, this.#context.liveBytes);
  }

  /** Frees everything; the arena can be used again. */
  [Symbol.dispose](): void {
    for (const free of this.#owned.splice(0)) free();
    this.#context.liveBytes -= this.#bytes;
    this.#bytes = 0;
  }

  /** The same, and waits until others can have the memory. */
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    await this.#context.reclaim();
  }
}

function tooLarge(label: string, size: number, limit: number, adapter: string): StylizeError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return new StylizeError(
    "out-of-memory",
    `Expected '${label}' to fit in one buffer of ${mib(limit)} on ${adapter} but it needs ${mib(size)}; choose a smaller --size.`,
  );
}
