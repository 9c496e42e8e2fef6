/** Operations of the gpu family on pictures of one size, recorded into a program. */
import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import type { Precision } from "../../gpu/precision.ts";
import type { Program, Resource } from "../../gpu/program.ts";
import type { Pooling } from "../../network/types.ts";
import { Elementwise, featuresOf, mapTexels, maskOf, mostTexels } from "../elementwise.ts";
import type {
  Activation,
  FeatureMap,
  Keep,
  LayerLosses,
  LayerWeights,
  MapShape,
  Operations,
  OperationsOptions,
  Pooled,
  StyleTerm,
} from "../family.ts";
import {
  type Convolution,
  recordConvInput,
  recordConvInputBackward,
  recordConvolution,
} from "./convolution.ts";
import { recordGram } from "./gram.ts";
import { gpuStorage, MASK_CHANNELS, mapShape, maskBytes, texelBytes } from "./layout.ts";
import { GpuScratch } from "./scratch.ts";
import { directedWeights } from "./weights.ts";

export interface GpuOperationsOptions extends OperationsOptions {
  readonly precision: Precision;
}

export class GpuOperations implements Operations {
  readonly #context: GpuContext;
  readonly #program: Program;
  readonly #arena: Arena;
  readonly #scratch: GpuScratch;
  readonly #elementwise: Elementwise;
  readonly #options: GpuOperationsOptions;
  /** What `convInput` made, and how to make it again in another buffer. */
  #first: { readonly activation: Activation; readonly record: (y: GPUBuffer) => GPUBuffer } | undefined;

  constructor(context: GpuContext, program: Program, arena: Arena, options: GpuOperationsOptions) {
    const { layers, precision, gradientScale } = options;
    const most = mostTexels(layers, options, MASK_CHANNELS, mapShape);
    this.#context = context;
    this.#program = program;
    this.#arena = arena;
    this.#scratch = new GpuScratch(arena, 4 * most, texelBytes(precision));
    this.#elementwise = new Elementwise(context, program, gpuStorage(precision), gradientScale);
    this.#options = options;
  }

  convInput(image: GPUBuffer, weights: LayerWeights, keep: Keep): Activation {
    const { outChannels, name } = weights.layer;
    const { height, width, precision, preprocessing } = this.#options;
    const shape = mapShape(outChannels, height, width);
    // The largest of all features are not kept but computed again: that takes a hundredth of a step, and they a fifth
    // of its memory.
    const { mask, activation } = this.#activation(shape, name, { ...keep, features: false });
    const record = (y: GPUBuffer) => {
      const output = { shape, y, mask };
      recordConvInput(this.#context, this.#program, precision, image, weights, preprocessing, output);
      return y;
    };
    record(activation.resource as GPUBuffer);
    this.#first = { activation, record };
    return activation;
  }

  conv(x: FeatureMap, weights: LayerWeights, keep: Keep): Activation {
    const { outChannels, name } = weights.layer;
    const shape = mapShape(outChannels, x.shape.height, x.shape.width);
    const { y, mask, activation } = this.#activation(shape, name, keep, x);
    const finish = { mode: "forward", bias: weights.bias, mask } as const;
    this.#convolve(
      { side: 3, x, weights: directedWeights(weights).forward, y, shape, finish },
      `${name} forward`,
    );
    return activation;
  }

  pool(x: Activation, pooling: Pooling): Pooled {
    const { channels, height, width } = x.shape;
    const shape = mapShape(channels, height >> 1, width >> 1);
    const winners = pooling === "max" ? this.#arena.buffer("winners", 4 * mapTexels(shape)) : undefined;
    const y = this.#scratch.map(x.resource);
    this.#elementwise.pool(x, shape, y, winners);
    return { shape, resource: y, source: x, winners };
  }

  gram(x: Activation): GPUBuffer {
    const gram = this.#arena.buffer("gram", 4 * x.shape.channels ** 2);
    const features = featuresOf(this.#withFeatures(x));
    const { precision } = this.#options;
    recordGram(this.#context, this.#program, precision, this.#scratch, x.shape, features, gram);
    return gram;
  }

  featuresOf(x: Activation): GPUBuffer {
    const copy = this.#arena.buffer("features", 16 * mapTexels(x.shape));
    this.#elementwise.featuresCopy(this.#withFeatures(x), copy);
    return copy;
  }

  lossBackward(x: Activation, losses: LayerLosses): FeatureMap {
    if (!losses.style && !losses.content)
      throw new Error("Expected a loss on the last layer but received none.");
    const y = this.#scratch.map();
    this.#addLosses(x, losses, y, "masked");
    return { shape: x.shape, resource: y };
  }

  convBackward(
    dz: FeatureMap,
    weights: LayerWeights,
    input: Activation | Pooled,
    losses: LayerLosses,
  ): FeatureMap {
    const tag = `${weights.layer.name} backward`;
    const y = this.#scratch.map(dz.resource);
    const conv = {
      side: 3,
      x: dz,
      weights: directedWeights(weights).backward,
      y,
      shape: input.shape,
    } as const;
    if (!("source" in input)) {
      this.#convolve({ ...conv, finish: { mode: "masked", mask: maskOf(input) } }, tag);
      this.#addLosses(input, losses, y, "added");
      return { shape: input.shape, resource: y };
    }
    this.#convolve({ ...conv, finish: { mode: "plain" } }, tag);
    const below = this.#scratch.map(y);
    this.#elementwise.poolBackward(input, y, undefined, below);
    this.#addLosses(input.source, losses, below, "added");
    return { shape: input.source.shape, resource: below };
  }

  inputBackward(dz: FeatureMap, weights: LayerWeights, gradient: GPUBuffer): void {
    const { precision, preprocessing, gradientScale } = this.#options;
    // The shader divides by the deviations: here is where the scale of all gradients ends.
    const std = preprocessing.std.map((deviation) => deviation * gradientScale) as [number, number, number];
    const unscaled = { ...preprocessing, std };
    recordConvInputBackward(this.#context, this.#program, precision, dz, weights, unscaled, gradient);
  }

  /** Memory for an activation: its own where the features are kept, else shared with later maps. */
  #activation(shape: MapShape, name: string, { features, mask: keepMask }: Keep, busy?: FeatureMap) {
    const y = features
      ? this.#arena.buffer(`${name} features`, texelBytes(this.#options.precision) * mapTexels(shape))
      : this.#scratch.map(busy?.resource);
    const mask = this.#arena.buffer(`${name} mask`, maskBytes(shape));
    const activation: Activation = {
      shape,
      resource: y,
      mask: keepMask ? mask : undefined,
      features: features ? y : undefined,
    };
    return { y, mask, activation };
  }

  /** An activation whose features can be read now, until the scratch map that is not `busy` is written. */
  #withFeatures(x: Activation, busy?: Resource): Activation {
    if (x !== this.#first?.activation) return x;
    return { ...x, features: this.#first.record(this.#scratch.map(busy)) };
  }

  /** y = the gradient of the losses on an activation, before its ReLU; "added": to what is there. */
  #addLosses(x: Activation, { style, content }: LayerLosses, y: GPUBuffer, mode: "masked" | "added"): void {
    if (!style && !content) return;
    const kept = this.#withFeatures(x, y);
    if (style) this.#styleGradient(kept, style, y, mode);
    if (content) this.#elementwise.contentLoss(kept, content, y, style !== undefined || mode === "added");
  }

  /** The product E F, a 1x1 convolution of the features. */
  #styleGradient(x: Activation, style: StyleTerm, y: GPUBuffer, mode: "masked" | "added"): void {
    const { shape } = x;
    const e = this.#arena.buffer("style gradient", 4 * shape.channels ** 2);
    this.#elementwise.styleLoss(shape, this.gram(x), style, e);
    const features = { shape, resource: featuresOf(x) };
    const product = {
      side: 1,
      x: features,
      weights: e,
      y,
      shape,
      finish: { mode, mask: maskOf(x) },
    } as const;
    this.#convolve(product, `style ${shape.channels}`);
  }

  #convolve(convolution: Convolution, tag: string): void {
    const { precision } = this.#options;
    const recording = { context: this.#context, program: this.#program, scratch: this.#scratch, precision };
    recordConvolution(recording, convolution, tag);
  }
}
