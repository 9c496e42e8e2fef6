/**
 * What a family of kernels can do: the one interface between the network and the two families (`gpu`, `cpu`).
 *
 * Feature maps are [channels/4][rows][pitch] of texels, four channels each, f32 or f16. `rows >= height` and `pitch >=
 * width` are the family's own choice; texels outside height x width are always zero. `i = (c4 * rows + y) * pitch + x`
 * is a texel's flat index.
 */

import type { KernelFamilyName } from "../gpu/adapter.ts";
import type { Arena } from "../gpu/arena.ts";
import type { Precision } from "../gpu/precision.ts";
import type { Program, Resource } from "../gpu/program.ts";
import type { ConvLayer } from "../network/layers.ts";
import type { ConvWeights, Pooling, Preprocessing } from "../network/types.ts";
import type { Size } from "../picture.ts";

export interface MapShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Texels from one row to the next. */
  readonly pitch: number;
  /** Rows from one group of four channels to the next. */
  readonly rows: number;
}

/** A feature map as a convolution or pool reads it. Its memory is used again by later maps of the same size. */
export interface FeatureMap {
  readonly shape: MapShape;
  /** `gpu`: a buffer of flat texels. `cpu`: a 2D array texture, layer = c4, with a border of one zero texel. */
  readonly resource: Resource;
}

/** Output of a convolution and its ReLU. */
export interface Activation extends FeatureMap {
  /** One bit a value: whether the ReLU let it through. Present when it was asked for. */
  readonly mask: GPUBuffer | undefined;
  /**
   * All values, kept until the program's end: for losses. Present when it was asked for. `gpu`: a buffer, but never for
   * conv1_1, whose values are computed again; `cpu`: a flat texture.
   */
  readonly features: Resource | undefined;
}

/** Output of a 2x2 pool of stride 2; an odd last row or column is dropped. */
export interface Pooled extends FeatureMap {
  readonly source: Activation;
  /** Max pooling: which of the four values won, for backward; see pool_max.wgsl. */
  readonly winners: GPUBuffer | undefined;
}

/** What later operations need of an activation. */
export interface Keep {
  /** Backward will pass here. */
  readonly mask: boolean;
  /** A loss is put here. */
  readonly features: boolean;
}

/** A layer's weights on the device, in the order that this family's kernels read them, for both directions. */
export interface LayerWeights {
  readonly layer: ConvLayer;
  readonly forward: Resource;
  readonly backward: Resource;
  /** [outChannels] */
  readonly bias: GPUBuffer;
}

/**
 * Where a loss term's value goes: row `term` of `partials`, [terms][LOSS_PARTIALS] f32, whose sum is the weighted term.
 */
export interface LossSink {
  readonly partials: GPUBuffer;
  readonly term: number;
}

/** `weight * sum((G - target)^2) / norm` with G = F F^T / (height * width). */
export interface StyleTerm extends LossSink {
  /** [channels][channels] f32 */
  readonly target: GPUBuffer;
  /** weight / norm */
  readonly scale: number;
}

/** `weight * sum((F - target)^2) / norm`. */
export interface ContentTerm extends LossSink {
  /** Flat texels of the same shape, from `KernelFamily.uploadFeatures`. */
  readonly target: GPUBuffer;
  /** weight / norm */
  readonly scale: number;
}

/** The losses on one activation. */
export interface LayerLosses {
  readonly style?: StyleTerm;
  readonly content?: ContentTerm;
}

/** Records operations on pictures of one size into a program. Scratch memory comes from the arena it was made with. */
export interface Operations {
  /** Preprocessing, conv1_1, bias and ReLU. `image`: [3][height][width] f32, sRGB in [0,1]. */
  convInput(image: GPUBuffer, weights: LayerWeights, keep: Keep): Activation;
  /** 3x3 convolution with zero padding 1, bias and ReLU. */
  conv(x: FeatureMap, weights: LayerWeights, keep: Keep): Activation;
  pool(x: Activation, pooling: Pooling): Pooled;
  /** Gram matrix F F^T / (height * width) of kept features: [channels][channels] f32, in a buffer of its own. */
  gram(x: Activation): GPUBuffer;
  /** Copies kept features into a buffer of their own, flat texels in f32 whatever the precision: a content target. */
  featuresOf(x: Activation): GPUBuffer;
  /**
   * Gradient of the losses on the last activation before its ReLU: where backward starts.
   * Like the other backward operations it also writes the values of those losses to their sinks.
   */
  lossBackward(x: Activation, losses: LayerLosses): FeatureMap;
  /**
   * From dz, the gradient before the ReLU of a convolution, to the gradient before the ReLU of `input`'s activation
   * (through the pool, when the input is one): mask * (pool^T(conv^T(dz)) + gradient of `losses` there).
   */
  convBackward(
    dz: FeatureMap,
    weights: LayerWeights,
    input: Activation | Pooled,
    losses: LayerLosses,
  ): FeatureMap;
  /**
   * From dz before the ReLU of conv1_1 to the picture: `gradient` [3][height][width] f32, with respect to sRGB in
   * [0,1], and no longer multiplied by the operations' gradient scale, as all gradients on maps are.
   */
  inputBackward(dz: FeatureMap, weights: LayerWeights, gradient: GPUBuffer): void;
}

export interface KernelFamily {
  readonly name: KernelFamilyName;
  /** Of maps and weights on the device. */
  readonly precision: Precision;
  /** What the channels of its layers are multiples of, but for the picture's. */
  readonly channelMultiple: number;
  /** Bytes of the largest buffer that pictures of this size need; `layers` as the network has them. */
  largestBuffer(layers: readonly ConvLayer[], size: Size): number;
  /** Uploads one layer, whose channels are such multiples. */
  loadWeights(arena: Arena, layer: ConvLayer, weights: ConvWeights): LayerWeights | Promise<LayerWeights>;
  /** Features as `Operations.featuresOf` gave them, back on the device: a content target. */
  uploadFeatures(arena: Arena, label: string, values: Float32Array): GPUBuffer;
  operations(program: Program, arena: Arena, options: OperationsOptions): Operations;
}

/** `height` and `width`: of the picture, 32 or more. */
export interface OperationsOptions extends Size {
  /** All that the operations may be asked for, as they were loaded. */
  readonly layers: readonly ConvLayer[];
  readonly preprocessing: Preprocessing;
  /** A power of two: what all gradients on maps are multiplied by, so that they are in the range of their format. */
  readonly gradientScale: number;
}

/**
 * How many partial sums a loss term has, at most 256: workgroups enough for a GPU, few enough for a software adapter.
 */
export const LOSS_PARTIALS = 64;
