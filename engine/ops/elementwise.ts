/** Records the kernels that both families share: pools, the ReLU where backward starts, losses on kept features. */

import type { GpuContext } from "../gpu/context.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { type Grid, linearGrid, type Program, type Resource } from "../gpu/program.ts";
import { type ConvLayer, padded } from "../network/layers.ts";
import type { Size } from "../picture.ts";
import {
  type Activation,
  type ContentTerm,
  type FeatureMap,
  LOSS_PARTIALS,
  type MapShape,
  type Pooled,
  type StyleTerm,
} from "./family.ts";

/** How a family stores what these kernels read: the files of `shaders/lib/` that read it, and their numbers. */
export interface Storage {
  /** How one texel of a buffer is stored; in front of the others. */
  readonly texel: "texel_f32" | "texel_f16";
  /** The binding of maps and features that kernels read. */
  readonly x: "x" | "x_texture";
  readonly map: "map_buffer" | "map_texture";
  readonly features: "features_buffer" | "features_texture";
  readonly mask: "mask_words" | "mask_tiles";
  /** The order in which the product with the style gradient reads its matrix. */
  readonly weight: "weight_rows" | "weight_quads";
  maskParams(shape: MapShape): { readonly mask_tiles: number; readonly tiles_x: number };
}

/** Texels of a map, padding included. */
export const mapTexels = ({ channels, rows, pitch }: MapShape): number => (channels / 4) * rows * pitch;

/**
 * Texels of the largest map of a picture of this size, with channels up to a multiple of `multiple`; a pool's is
 * smaller.
 */
export function mostTexels(
  layers: readonly ConvLayer[],
  { height, width }: Size,
  multiple: number,
  mapShape: (channels: number, height: number, width: number) => MapShape,
): number {
  const outputs = layers.map((layer) =>
    mapShape(padded(layer, multiple).outChannels, height >> layer.block, width >> layer.block),
  );
  return Math.max(...outputs.map(mapTexels));
}

export class Elementwise {
  readonly #context: GpuContext;
  readonly #program: Program;
  readonly #storage: Storage;
  readonly #gradientScale: number;

  /** `gradientScale`: what the gradients of losses are multiplied by. */
  constructor(context: GpuContext, program: Program, storage: Storage, gradientScale: number) {
    this.#context = context;
    this.#program = program;
    this.#storage = storage;
    this.#gradientScale = gradientScale;
  }

  /** 2x2 pool of x into y of `shape`; a max pool writes `winners`, an average pool has none. */
  pool(x: FeatureMap, shape: MapShape, y: GPUBuffer, winners: GPUBuffer | undefined): void {
    const kernel = this.#kernel(winners ? "pool_max" : "pool_avg", [this.#storage.map]);
    const resources = { [this.#storage.x]: x.resource, y, ...(winners && { winners }) };
    const params = { ...outputParams(shape), pitch: x.shape.pitch, rows: x.shape.rows };
    this.#program.dispatch(kernel, resources, params, texelGrid(shape), "pool");
  }

  /**
   * g, the gradient of a pooled map -> y, the gradient before the ReLU under the pool; d: gradient of the losses there.
   */
  poolBackward(pooled: Pooled, g: GPUBuffer, d: GPUBuffer | undefined, y: GPUBuffer): void {
    const { pitch, rows } = pooled.shape;
    const { source, winners } = pooled;
    const kernel = this.#kernel(winners ? "pool_max_backward" : "pool_avg_backward", [
      "map_buffer",
      this.#storage.mask,
      d ? "loss_gradient" : "no_loss_gradient",
    ]);
    const resources = { x: g, mask: maskOf(source), y, ...(d && { d }), ...(winners && { winners }) };
    const params = { ...this.#maskedParams(source.shape), pitch, rows };
    this.#program.dispatch(kernel, resources, params, texelGrid(source.shape), "pool backward");
  }

  /** y = mask * d. */
  reluBackward(x: Activation, d: GPUBuffer, y: GPUBuffer): void {
    const kernel = this.#kernel("relu_backward", [this.#storage.mask, "loss_gradient"]);
    const params = this.#maskedParams(x.shape);
    this.#program.dispatch(kernel, { mask: maskOf(x), d, y }, params, texelGrid(x.shape), "relu backward");
  }

  /** Writes a style term's value to its sink, and the matrix E whose product with the features is its gradient. */
  styleLoss(
    { channels, height, width }: MapShape,
    gram: GPUBuffer,
    { target, scale, partials, term }: StyleTerm,
    e: GPUBuffer,
  ): void {
    this.#program.dispatch(
      this.#context.kernel("style_loss", { libs: ["reduce", this.#storage.weight] }),
      { gram, target_gram: target, e, partials },
      { channels, term, scale, gradient_scale: (4 * scale * this.#gradientScale) / (height * width) },
      [LOSS_PARTIALS, 1, 1],
      `style ${channels}`,
    );
  }

  /** Writes a content term's value to its sink, and its gradient to `d`, or adds it there. */
  contentLoss(
    x: Activation,
    { target, scale, partials, term }: ContentTerm,
    d: GPUBuffer,
    accumulate: boolean,
  ): void {
    this.#program.dispatch(
      this.#kernel("content_loss", ["reduce", this.#storage.features]),
      { [this.#storage.x]: featuresOf(x), target_features: target, d, partials },
      {
        texels: mapTexels(x.shape),
        term,
        accumulate: Number(accumulate),
        scale,
        gradient_scale: 2 * scale * this.#gradientScale,
      },
      [LOSS_PARTIALS, 1, 1],
      "content",
    );
  }

  /** Copies kept features to flat texels in f32. */
  featuresCopy(x: Activation, y: GPUBuffer): void {
    const texels = mapTexels(x.shape);
    const kernel = this.#kernel("features_copy", ["linear_index", this.#storage.features]);
    const resources = { [this.#storage.x]: featuresOf(x), y };
    this.#program.dispatch(kernel, resources, { texels }, linearGrid(Math.ceil(texels / 64)));
  }

  #kernel(name: string, libs: readonly string[]): Kernel {
    return this.#context.kernel(name, { libs: [this.#storage.texel, ...libs] });
  }

  #maskedParams(shape: MapShape): Record<string, number> {
    return { ...outputParams(shape), ...this.#storage.maskParams(shape) };
  }
}

/** The mask of an activation that backward passes. */
export function maskOf({ mask }: Activation): GPUBuffer {
  if (!mask) throw new Error("Expected an activation with a mask on the way back but its mask was not kept.");
  return mask;
}

/** The features of an activation with losses. */
export function featuresOf({ features }: Activation): Resource {
  if (!features) throw new Error("Expected an activation with kept features but they were not kept.");
  return features;
}

function outputParams({ height, width, pitch, rows }: MapShape): Record<string, number> {
  return { height, width, y_pitch: pitch, y_rows: rows };
}

/** One invocation a texel inside height x width, in workgroups of 16 x 4. */
function texelGrid({ channels, height, width }: MapShape): Grid {
  return [Math.ceil(width / 16), Math.ceil(height / 4), channels / 4];
}
