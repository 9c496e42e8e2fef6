/** Operations of the cpu family on pictures of one size, recorded into a program. */
import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import { linearGrid, type Program } from "../../gpu/program.ts";
import { triple } from "../../gpu/wgsl.ts";
import type { Pooling, Preprocessing } from "../../network/types.ts";
import { Elementwise, mapTexels, maskOf } from "../elementwise.ts";
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
} from "../family.ts";
import { Convolution, type Finish } from "./convolution.ts";
import { Gram } from "./gram.ts";
import { cpuStorage, mapShape, tilesOf } from "./layout.ts";
import { Losses } from "./losses.ts";
import { Scratch } from "./scratch.ts";
import { copyFlat, copyMap, type FlatTexture, flatTexture, mapTexture } from "./textures.ts";

export class CpuOperations implements Operations {
  readonly #context: GpuContext;
  readonly #program: Program;
  readonly #arena: Arena;
  readonly #scratch: Scratch;
  readonly #convolution: Convolution;
  readonly #gram: Gram;
  readonly #elementwise: Elementwise;
  readonly #losses: Losses;
  readonly #input: MapShape;
  readonly #preprocessing: Preprocessing;

  constructor(
    context: GpuContext,
    program: Program,
    arena: Arena,
    { height, width, layers, preprocessing }: OperationsOptions,
  ) {
    this.#context = context;
    this.#program = program;
    this.#arena = arena;
    this.#scratch = new Scratch(arena, layers, height, width);
    this.#convolution = new Convolution(context, program, this.#scratch);
    this.#gram = new Gram(context, program, this.#scratch, this.#convolution);
    this.#elementwise = new Elementwise(context, program, cpuStorage, 1);
    this.#losses = new Losses(program, arena, this.#gram, this.#convolution, this.#elementwise);
    this.#input = mapShape(4, height, width); // the fourth is zero
    this.#preprocessing = preprocessing;
  }

  convInput(image: GPUBuffer, weights: LayerWeights, keep: Keep): Activation {
    const { order, mean, std } = this.#preprocessing;
    const { height, width, pitch } = this.#input;
    const packed = this.#arena.buffer("packed picture", 16 * mapTexels(this.#input));
    this.#program.dispatch(
      this.#context.kernel("image_pack", { libs: ["linear_index"] }),
      { image, y: packed },
      { height, width, pitch, ...triple("order", order), ...triple("mean", mean), ...triple("std", std) },
      linearGrid(Math.ceil((height * width) / 64)),
    );
    const texture = mapTexture(this.#arena, "packed picture", this.#input);
    copyMap(this.#program, packed, texture, this.#input);
    return this.conv({ shape: this.#input, resource: texture.view }, weights, keep);
  }

  conv(x: FeatureMap, weights: LayerWeights, keep: Keep): Activation {
    const { height, width } = x.shape;
    const { outChannels, name } = weights.layer;
    const shape = mapShape(outChannels, height, width);
    const tag = `${name} forward`;
    const output = this.#scratch.level(shape).output;
    const mask = this.#arena.buffer(`${name} mask`, 8 * (outChannels / 4) * tilesOf(shape).count);
    this.#convolution.record(x, weights, shape, output, { mode: "forward", mask }, tag);
    const features = keep.features ? this.#keep(output, shape, name) : undefined;
    return {
      ...this.#publish(output, shape, tag),
      mask: keep.mask ? mask : undefined,
      features: features?.view,
    };
  }

  pool(x: Activation, pooling: Pooling): Pooled {
    const { channels, height, width } = x.shape;
    const shape = mapShape(channels, height >> 1, width >> 1);
    const winners = pooling === "max" ? this.#arena.buffer("winners", 4 * mapTexels(shape)) : undefined;
    const y = this.#scratch.level(shape).output;
    this.#elementwise.pool(x, shape, y, winners);
    return { ...this.#publish(y, shape, "pool"), source: x, winners };
  }

  gram(x: Activation): GPUBuffer {
    const gram = this.#arena.buffer("gram", 4 * x.shape.channels ** 2);
    this.#gram.record(x, gram);
    return gram;
  }

  featuresOf(x: Activation): GPUBuffer {
    const y = this.#arena.buffer("features", 16 * mapTexels(x.shape));
    this.#elementwise.featuresCopy(x, y);
    return y;
  }

  lossBackward(x: Activation, losses: LayerLosses): FeatureMap {
    const d = this.#lossGradient(x, losses);
    if (!d) throw new Error("Expected a loss on the last layer but received none.");
    const output = this.#scratch.level(x.shape).output;
    this.#elementwise.reluBackward(x, d, output);
    return this.#publish(output, x.shape, "relu backward");
  }

  convBackward(
    dz: FeatureMap,
    weights: LayerWeights,
    input: Activation | Pooled,
    losses: LayerLosses,
  ): FeatureMap {
    const tag = `${weights.layer.name} backward`;
    const output = this.#scratch.level(input.shape).output;
    if ("source" in input) {
      this.#convolution.record(dz, weights, input.shape, output, { mode: "plain" }, tag);
      const { source } = input;
      const below = this.#scratch.level(source.shape).output;
      const d = this.#lossGradient(source, losses);
      this.#elementwise.poolBackward(input, output, d, below);
      return this.#publish(below, source.shape, "pool backward");
    }
    const finish = this.#masked(input, losses, output);
    this.#convolution.record(dz, weights, input.shape, output, finish, tag);
    return this.#publish(output, input.shape, tag);
  }

  /** Gradient of the losses on an activation, in `d` or else in memory of its own; undefined where there are none. */
  #lossGradient(x: Activation, losses: LayerLosses, d?: GPUBuffer): GPUBuffer | undefined {
    if (!losses.style && !losses.content) return undefined;
    const target = d ?? this.#arena.buffer("loss gradient", 16 * mapTexels(x.shape));
    this.#losses.gradient(x, losses, target);
    return target;
  }

  /**
   * The end of a convolution back to `input`, whose losses' gradient passes through `free`, a buffer that nothing needs
   * now.
   */
  #masked(input: Activation, losses: LayerLosses, free: GPUBuffer): Finish {
    const mask = maskOf(input);
    if (!this.#lossGradient(input, losses, free)) return { mode: "masked", mask };
    const d = this.#scratch.lossGradient();
    copyFlat(this.#program, free, d, mapTexels(input.shape));
    return { mode: "masked-add", mask, d: d.view };
  }

  inputBackward(dz: FeatureMap, weights: LayerWeights, gradient: GPUBuffer): void {
    const { height, width, pitch } = this.#input;
    const { order, std } = this.#preprocessing;
    const output = this.#arena.buffer("input gradient", 16 * mapTexels(this.#input));
    this.#convolution.record(dz, weights, this.#input, output, { mode: "plain" }, "conv1_1 backward");
    this.#program.dispatch(
      this.#context.kernel("image_unpack", { libs: ["linear_index"] }),
      { x: output, gradient },
      { height, width, pitch, ...triple("order", order), ...triple("std", std) },
      linearGrid(Math.ceil((height * width) / 64)),
    );
  }

  /** Copies a map from its buffer to the texture where the next operation reads it. */
  #publish(output: GPUBuffer, shape: MapShape, tag: string): FeatureMap {
    const texture = this.#scratch.level(shape).map;
    copyMap(this.#program, output, texture, shape, `${tag} copy`);
    return { shape, resource: texture.view };
  }

  #keep(output: GPUBuffer, shape: MapShape, name: string): FlatTexture {
    const texels = mapTexels(shape);
    const flat = flatTexture(this.#arena, `${name} features`, texels);
    copyFlat(this.#program, output, flat, texels, `${name} features copy`);
    return flat;
  }
}
