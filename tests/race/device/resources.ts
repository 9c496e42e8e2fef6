/** Buffers and textures, on the host. */
import { bufferUsage } from "../../../engine/gpu/webgpu.ts";
import { Shadow } from "../machine/memory.ts";
import { expectThat } from "./strict.ts";

/** Shadows by what is bound and how it is watched. */
class Shadows {
  readonly #shadows = new Map<string, Shadow>();

  of(offset: number, bytes: number, granule: number): Shadow {
    const key = `${offset} ${bytes} ${granule}`;
    let shadow = this.#shadows.get(key);
    if (!shadow) {
      shadow = new Shadow(bytes, granule, true);
      this.#shadows.set(key, shadow);
    }
    return shadow;
  }
}

export class RaceBuffer {
  readonly label: string;
  readonly size: number;
  readonly usage: number;
  readonly data: ArrayBuffer;
  readonly shadows = new Shadows();
  #isDestroyed = false;
  #isMapped = false;

  constructor({ label = "", size, usage }: GPUBufferDescriptor) {
    this.label = label;
    this.size = size;
    this.usage = usage;
    this.data = new ArrayBuffer(size);
  }

  /** Throws unless the buffer is there, may be used so, and holds what is asked for. */
  check(usage: keyof typeof bufferUsage, offset: number, bytes: number): void {
    expectThat(!this.#isDestroyed, () => `Expected '${this.label}' to live but it is destroyed.`);
    expectThat(!this.#isMapped, () => `Expected '${this.label}' not to be mapped but it is.`);
    expectThat(
      (this.usage & bufferUsage[usage]) !== 0,
      () => `Expected '${this.label}' to have usage ${usage}.`,
    );
    expectThat(
      offset >= 0 && offset % 4 === 0 && bytes % 4 === 0 && offset + bytes <= this.size,
      () => `Expected ${bytes} bytes from ${offset} on to be inside the ${this.size} of '${this.label}'.`,
    );
  }

  async mapAsync(): Promise<undefined> {
    this.check("MAP_READ", 0, 0);
    this.#isMapped = true;
    return undefined;
  }

  getMappedRange(): ArrayBuffer {
    expectThat(this.#isMapped, () => `Expected '${this.label}' to be mapped but it is not.`);
    return this.data;
  }

  unmap(): void {
    this.#isMapped = false;
  }

  destroy(): void {
    this.#isDestroyed = true;
  }
}

export const TEXEL_BYTES = 16;

export class RaceTexture {
  readonly label: string;
  readonly format: GPUTextureFormat;
  readonly size: readonly [width: number, height: number, layers: number];
  readonly data: ArrayBuffer;
  readonly shadows = new Shadows();

  constructor({ label = "", format, size }: GPUTextureDescriptor) {
    const [width = 1, height = 1, layers = 1] = size as Iterable<number>;
    expectThat(
      /^rgba32(float|uint)$/.test(format),
      () => `Expected a known format but received '${format}'.`,
    );
    this.label = label;
    this.format = format;
    this.size = [width, height, layers];
    this.data = new ArrayBuffer(TEXEL_BYTES * width * height * layers);
  }

  createView({ dimension }: GPUTextureViewDescriptor = {}): RaceView {
    return { texture: this, dimension };
  }

  destroy(): void {}
}

export interface RaceView {
  readonly texture: RaceTexture;
  readonly dimension: GPUTextureViewDimension | undefined;
}

/** A rectangle of rows copied into a texture. */
export function copyToTexture(
  source: Uint8Array,
  { offset = 0, bytesPerRow, rowsPerImage }: GPUTexelCopyBufferLayout,
  { texture, origin = [0, 0, 0] }: { texture: RaceTexture; origin?: Iterable<number> },
  size: Iterable<number>,
): void {
  const [x = 0, y = 0, layer = 0] = origin;
  const [width = 1, height = 1, layers = 1] = size;
  const [textureWidth, textureHeight, textureLayers] = texture.size;
  expectThat(
    x + width <= textureWidth && y + height <= textureHeight && layer + layers <= textureLayers,
    () => `Expected a copy inside '${texture.label}' of ${texture.size.join("x")}.`,
  );
  const target = new Uint8Array(texture.data);
  const pitch = bytesPerRow ?? TEXEL_BYTES * width;
  for (let z = 0; z < layers; z++) {
    for (let row = 0; row < height; row++) {
      const from = offset + ((rowsPerImage ?? height) * z + row) * pitch;
      const bytes = TEXEL_BYTES * width;
      expectThat(
        from + bytes <= source.length,
        () => `Expected a copy to '${texture.label}' inside its source.`,
      );
      const to = TEXEL_BYTES * (((layer + z) * textureHeight + y + row) * textureWidth + x);
      target.set(source.subarray(from, from + bytes), to);
    }
  }
}
