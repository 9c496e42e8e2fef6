/** Memory that the cpu family's operations on one picture size use again and again. */
import type { Arena } from "../../gpu/arena.ts";
import type { ConvLayer } from "../../network/layers.ts";
import { mapTexels, mostTexels } from "../elementwise.ts";
import type { MapShape } from "../family.ts";
import { bandTexels, mapShape } from "./layout.ts";
import { BLOCK_COLUMNS } from "./text.ts";
import { type FlatTexture, flatTexture, type MapTexture, mapTexture } from "./textures.ts";

/** A buffer and a texture of one resolution: the picture's, half of it, and so on. */
interface Level {
  /** Where kernels write a map before it is copied. Padding texels are never written, so they stay zero. */
  readonly output: GPUBuffer;
  /** What the next operation reads. An operation is done with it before its own output is copied there. */
  readonly map: MapTexture;
}

export class CpuScratch {
  readonly #arena: Arena;
  readonly #levels = new Map<string, Level>();
  /** Most channels of the maps of each size. */
  readonly #channels = new Map<string, number>();
  /** Texels of the largest map. */
  readonly #mostTexels: number;
  #lossGradient: FlatTexture | undefined;
  /** Transformed tiles of a band before and after the product, as written and as read. */
  readonly transforms: GPUBuffer;
  readonly products: GPUBuffer;
  readonly transformsTexture: FlatTexture;
  readonly productsTexture: FlatTexture;
  /** Texels of each of those four. */
  readonly texels: number;

  /** `height` x `width`: of the picture. */
  constructor(arena: Arena, layers: readonly ConvLayer[], height: number, width: number) {
    this.#arena = arena;
    const convs = layers.map(({ block, inChannels, outChannels }) => ({
      channels: Math.max(inChannels, outChannels),
      height: height >> block,
      width: width >> block,
    }));
    for (const conv of convs) {
      const key = `${conv.height}x${conv.width}`;
      this.#channels.set(key, Math.max(conv.channels, this.#channels.get(key) ?? 0));
    }
    this.#mostTexels = mostTexels(layers, { height, width }, BLOCK_COLUMNS, mapShape);
    this.texels = bandTexels(convs);
    this.transforms = arena.buffer("transforms", 16 * this.texels);
    this.products = arena.buffer("products", 16 * this.texels);
    this.transformsTexture = flatTexture(arena, "transforms", this.texels);
    this.productsTexture = flatTexture(arena, "products", this.texels);
  }

  /** The level of maps of this height and width. */
  level({ height, width }: MapShape): Level {
    const key = `${height}x${width}`;
    let level = this.#levels.get(key);
    if (!level) {
      level = this.#makeLevel(key, height, width);
      this.#levels.set(key, level);
    }
    return level;
  }

  /** Where the gradient of the losses on one activation at a time is added from. */
  lossGradient(): FlatTexture {
    this.#lossGradient ??= flatTexture(this.#arena, "loss gradient", this.#mostTexels);
    return this.#lossGradient;
  }

  #makeLevel(key: string, height: number, width: number): Level {
    const arena = this.#arena;
    const shape = mapShape(this.#channels.get(key)!, height, width);
    const bytes = 16 * mapTexels(shape);
    return { output: arena.buffer(`maps of ${key}`, bytes), map: mapTexture(arena, `map of ${key}`, shape) };
  }
}
