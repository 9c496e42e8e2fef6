/** Operations of the gpu family on pictures of one size, recorded into a program. */
import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import type { Program } from "../../gpu/program.ts";
import type { Pooling, Preprocessing } from "../../network/types.ts";
import { Elementwise, featuresOf, mapTexels, maskOf } from "../elementwise.ts";
import type {
  Activation,
  FeatureMap,
  Keep,
  LayerLosses,
  LayerWeights,
  MapShape,
  Operations,
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
import { gpuStorage, mapShape, maskBytes } from "./layout.ts";
import { Scratch } from "./scratch.ts";
import { directedWeights } from "./weights.ts";

export class GpuOperations implements Operations {
  readonly #context: GpuContext;
  readonly #program: Program;
  readonly #arena: Arena;
  readonly #scratch: Scratch;
  readonly #elementwise: Elementwise;
  readonly #preprocessing: Preprocessing;
  readonly #height: number;
  readonly #width: number;

  constructor(
    context: GpuContext,
    program: Program,
    arena: Arena,
    { height, width }: { readonly height: number; readonly width: number },
    preprocessing: Preprocessing,
  ) {
    this.#context = context;
    this.#program = program;
    this.#arena = arena;
    this.#scratch = new Scratch(arena, height, width);
    this.#elementwise = new Elementwise(context, program, gpuStorage);
    this.#preprocessing = preprocessing;
    this.#height = height;
    this.#width = width;
  }

  convInput(image: GPUBuffer, weights: LayerWeights, keep: Keep): Activation {
    const { outChannels, name } = weights.layer;
    const shape = mapShape(outChannels, this.#height, this.#width);
    const { y, mask, activation } = this.#activation(shape, name, keep);
    recordConvInput(this.#context, this.#program, image, weights, this.#preprocessing, { shape, y, mask });
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
    recordGram(this.#context, this.#program, this.#scratch, x.shape, featuresOf(x), gram);
    return gram;
  }

  featuresOf(x: Activation): GPUBuffer {
    const bytes = 16 * mapTexels(x.shape);
    const copy = this.#arena.buffer("features", bytes);
    this.#program.copyBuffer(featuresOf(x) as GPUBuffer, 0, copy, 0, bytes);
    return copy;
  }

  lossBackward(x: Activation, losses: LayerLosses): FeatureMap {
    const d = this.#lossGradient(x, losses);
    if (!d) throw new Error("Expected a loss on the last layer but received none.");
    const y = this.#scratch.map();
    this.#elementwise.reluBackward(x, d, y);
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
      const d = this.#lossGradient(input, losses);
      this.#convolve({ ...conv, finish: { mode: "masked", mask: maskOf(input), d } }, tag);
      return { shape: input.shape, resource: y };
    }
    this.#convolve({ ...conv, finish: { mode: "plain" } }, tag);
    const d = this.#lossGradient(input.source, losses);
    const below = this.#scratch.map(y);
    this.#elementwise.poolBackward(input, y, d, below);
    return { shape: input.source.shape, resource: below };
  }

  inputBackward(dz: FeatureMap, weights: LayerWeights, gradient: GPUBuffer): void {
    recordConvInputBackward(this.#context, this.#program, dz, weights, this.#preprocessing, gradient);
  }

  /** Memory for an activation: its own where the features are kept, else shared with later maps. */
  #activation(shape: MapShape, name: string, { features, mask: keepMask }: Keep, busy?: FeatureMap) {
    const y = features
      ? this.#arena.buffer(`${name} features`, 16 * mapTexels(shape))
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

  /** Gradient of the losses on an activation's values: flat texels of its shape; undefined where there is no loss. */
  #lossGradient(x: Activation, { style, content }: LayerLosses): GPUBuffer | undefined {
    if (!style && !content) return undefined;
    const d = this.#scratch.lossGradient();
    if (style) this.#styleGradient(x, style, d);
    if (content) this.#elementwise.contentLoss(x, content, d, style !== undefined);
    return d;
  }

  /** d = E F: a 1x1 convolution of the features. */
  #styleGradient(x: Activation, style: StyleTerm, d: GPUBuffer): void {
    const { shape } = x;
    const e = this.#arena.buffer("style gradient", 4 * shape.channels ** 2);
    this.#elementwise.styleLoss(shape, this.gram(x), style, e);
    const features = { shape, resource: featuresOf(x) };
    const product = { side: 1, x: features, weights: e, y: d, shape, finish: { mode: "plain" } } as const;
    this.#convolve(product, `style ${shape.channels}`);
  }

  #convolve(convolution: Convolution, tag: string): void {
    const recording = { context: this.#context, program: this.#program, scratch: this.#scratch };
    recordConvolution(recording, convolution, tag);
  }
}
