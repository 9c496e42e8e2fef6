/**
 * Runs single operations of a family on the machine's adapter, with planar data in and out and guards behind every
 * buffer.
 */
import { expect } from "vitest";
import type { KernelFamilyName } from "../../gpu/adapter.ts";
import { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import type { Precision } from "../../gpu/precision.ts";
import { Program } from "../../gpu/program.ts";
import { type ConvLayer, type ConvName, vgg19 } from "../../network/layers.ts";
import type { ConvWeights, Preprocessing } from "../../network/types.ts";
import { openContext } from "../../node.ts";
import { roundUp } from "../../numbers.ts";
import { mapTexels } from "../elementwise.ts";
import type {
  Activation,
  FeatureMap,
  KernelFamily,
  LayerWeights,
  LossSink,
  MapShape,
  Operations,
} from "../family.ts";
import { LOSS_PARTIALS } from "../family.ts";
import { type Problem, problemKey } from "../gpu/variants.ts";
import { familyOn } from "../index.ts";
import { type Planes, planes, relu } from "../reference.ts";
import { layoutOf, type TestLayout } from "./layouts.ts";

/** What the tests of operations run on. */
export interface Variant {
  readonly family: KernelFamilyName;
  readonly precision: Precision;
  /** For `expectClose`: an operation's error with inputs that are rounded to this precision. */
  readonly tolerance: number;
}

export const variants: readonly Variant[] = [
  { family: "gpu", precision: "f32", tolerance: 1e-5 },
  { family: "gpu", precision: "f16", tolerance: 1e-3 },
  { family: "cpu", precision: "f32", tolerance: 1e-5 },
];

export const openTestContext = (family: KernelFamilyName): Promise<GpuContext> =>
  openContext({ family, giveWay: true });

/** What functions of shaders/lib/ read a map or a mask from, whichever the family's is. */
const inputs = {
  map_at: `@group(0) @binding(0) var<storage, read> x: array<Texel>;
@group(0) @binding(1) var x_texture: texture_storage_2d_array<rgba32float, read>;`,
  mask_at: "@group(0) @binding(0) var<storage, read> mask: array<MaskWord>;",
};

/**
 * Bytes behind every buffer of a guarded arena unless told otherwise, and the word they are filled with: no kernel may
 * write there.
 */
const GUARD_BYTES = 1024;
const GUARD = 0xdeadbeef;

class GuardedArena extends Arena {
  readonly #device: GPUDevice;
  readonly #guardBytes: number;
  readonly #guards: { readonly label: string; readonly buffer: GPUBuffer; readonly offset: number }[] = [];

  constructor(context: GpuContext, guardBytes: number) {
    super(context, "test");
    this.#device = context.device;
    this.#guardBytes = guardBytes;
  }

  override buffer(label: string, bytes: number): GPUBuffer {
    const offset = Math.max(16, roundUp(bytes, 16));
    const buffer = super.buffer(label, offset + this.#guardBytes);
    this.#device.queue.writeBuffer(buffer, offset, new Uint32Array(this.#guardBytes / 4).fill(GUARD));
    this.#guards.push({ label, buffer, offset });
    return buffer;
  }

  /** Fails if anything was written behind a buffer. */
  async check(context: GpuContext): Promise<void> {
    for (const { label, buffer, offset } of this.#guards) {
      const words = new Uint32Array(await context.read(buffer, buffer.size), offset);
      expect(
        words.every((word) => word === GUARD),
        `words behind '${label}'`,
      ).toBe(true);
    }
  }
}

const torchvision: Preprocessing = {
  name: "test",
  order: [2, 0, 1],
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** Values to be read once the program has run. */
export interface Observed {
  readonly shape: MapShape;
  readonly buffer: GPUBuffer;
}

/** Operations on one size, recorded, run and read. */
export class OperationsTest implements Disposable {
  readonly context: GpuContext;
  readonly arena: GuardedArena;
  readonly program: Program;
  readonly ops: Operations;
  readonly preprocessing = torchvision;
  readonly #family: KernelFamily;
  readonly #layout: TestLayout;

  /** `height` x `width`: of the picture. `guardBytes`: behind buffers, a multiple of 16; 0 where all is watched. */
  constructor(
    context: GpuContext,
    height: number,
    width: number,
    precision: Precision = "f32",
    layers: readonly ConvLayer[] = vgg19,
    guardBytes = GUARD_BYTES,
  ) {
    this.context = context;
    this.arena = new GuardedArena(context, guardBytes);
    this.program = new Program(context, this.arena);
    this.#family = familyOn(context, precision);
    this.#layout = layoutOf(context.family, precision);
    this.ops = this.#family.operations(this.program, this.arena, {
      height,
      width,
      layers,
      preprocessing: this.preprocessing,
      gradientScale: 1,
    });
  }

  async loadWeights(layer: ConvLayer, weights: ConvWeights): Promise<LayerWeights> {
    return this.#family.loadWeights(this.arena, layer, weights);
  }

  /** An activation that holds `x`: its values, where they are positive, and kept features. */
  upload(x: Planes): Activation {
    const shape = this.#layout.shape(x.channels, x.height, x.width);
    const texels = this.#family.uploadFeatures(this.arena, "upload", toTexels(x, shape));
    return {
      shape,
      ...this.#layout.publish(this.program, this.arena, texels, shape),
      mask: this.arena.bufferWith("mask", this.#layout.mask(x, shape)),
    };
  }

  /** A content target that holds `x`. */
  target(x: Planes): GPUBuffer {
    const shape = this.#layout.shape(x.channels, x.height, x.width);
    return this.#family.uploadFeatures(this.arena, "target", toTexels(x, shape));
  }

  /** The sink of a loss on its own. */
  sink(): LossSink {
    return {
      partials: this.arena.bufferWith("partials", new Float32Array(2 * LOSS_PARTIALS).fill(NaN)),
      term: 1,
    };
  }

  /** Sum of a sink's partial sums; those of the term before it must be untouched. */
  async readSink({ partials }: LossSink): Promise<number> {
    const values = await this.context.readFloats(partials, 2 * LOSS_PARTIALS);
    expect(values.subarray(0, LOSS_PARTIALS).every(Number.isNaN)).toBe(true);
    return values.subarray(LOSS_PARTIALS).reduce((sum, value) => sum + value, 0);
  }

  /** Records a copy of a map as it is at this point of the program. */
  observe({ shape, resource }: FeatureMap): Observed {
    return this.#observe(this.#layout.storage.map, "map_at", shape, { [this.#layout.storage.x]: resource });
  }

  /** The same for a mask: 1 where it is set. */
  observeMask({ shape, mask }: Activation): Observed {
    if (!mask) throw new Error("Expected an activation with a mask.");
    return this.#observe(this.#layout.storage.mask, "mask_at", shape, { mask });
  }

  #observe(
    lib: string,
    accessor: keyof typeof inputs,
    shape: MapShape,
    resources: Record<string, FeatureMap["resource"]>,
  ) {
    const { channels, height, width, pitch, rows } = shape;
    const buffer = this.arena.buffer("observed", 4 * channels * height * width);
    const text = `struct Params {
  height: u32, width: u32, pitch: u32, rows: u32, y_pitch: u32, mask_tiles: u32, tiles_x: u32
}
${inputs[accessor]}
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
  y[(id.z * params.height + id.y) * params.width + id.x] = vec4f(${accessor}(id.z, id.y, id.x));
}`;
    const params = { height, width, pitch, rows, y_pitch: pitch, ...this.#layout.storage.maskParams(shape) };
    const kernel = this.context.generatedKernel(`observe ${accessor}`, () => text, [
      this.#layout.storage.texel,
      lib,
    ]);
    this.program.dispatch(kernel, { ...resources, y: buffer }, params, [width, height, channels / 4]);
    return { shape: { ...shape, pitch: width, rows: height }, buffer };
  }

  async run(): Promise<void> {
    await this.context.guarded(() => this.program.run());
    await this.arena.check(this.context);
  }

  async read({ shape, buffer }: Observed): Promise<Planes> {
    return fromTexels(await this.context.readFloats(buffer, 4 * mapTexels(shape)), shape);
  }

  [Symbol.dispose](): void {
    this.arena[Symbol.dispose]();
  }
}

/** Planar values -> flat texels [channels/4][rows][pitch][4]. */
function toTexels(x: Planes, shape: MapShape): Float32Array {
  const texels = new Float32Array(4 * mapTexels(shape));
  eachValue(shape, (texel, plane) => {
    texels[texel] = x.data[plane]!;
  });
  return texels;
}

function fromTexels(texels: Float32Array, shape: MapShape): Planes {
  const x = planes(shape.channels, shape.height, shape.width);
  eachValue(shape, (texel, plane) => {
    x.data[plane] = texels[texel]!;
  });
  return x;
}

function eachValue(shape: MapShape, visit: (texel: number, plane: number) => void): void {
  const { channels, height, width, rows, pitch } = shape;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const texel = ((c >> 2) * rows + y) * pitch + x;
        visit(4 * texel + (c & 3), (c * height + y) * width + x);
      }
    }
  }
}

/** The layer with this name, of VGG19 when no others are given. */
export function layerNamed(name: ConvName, layers: readonly ConvLayer[] = vgg19): ConvLayer {
  return layers.find((layer) => layer.name === name)!;
}

/** A layer, and a test on pictures whose maps are height x width there. */
export function testOfLayer(
  context: GpuContext,
  name: ConvName,
  height: number,
  width: number,
  precision: Precision,
  layers?: readonly ConvLayer[],
) {
  const layer = layerNamed(name, layers);
  const { block } = layer;
  return { layer, test: new OperationsTest(context, height << block, width << block, precision, layers) };
}

/** Uniform random numbers in [low, high), the same for the same seed (mulberry32). */
export function random(seed: number, count: number, low = -1, high = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return low + ((high - low) * ((t ^ (t >>> 14)) >>> 0)) / 2 ** 32;
  });
}

export function randomPlanes(
  seed: number,
  channels: number,
  height: number,
  width: number,
  low?: number,
  high?: number,
): Planes {
  return planes(channels, height, width, random(seed, channels * height * width, low, high));
}

/** Random weights that keep the size of values about the same from input to output. */
export function randomWeights(seed: number, { inChannels, outChannels }: ConvLayer): ConvWeights {
  const bound = Math.sqrt(3 / (9 * inChannels));
  return {
    weight: random(seed, 9 * inChannels * outChannels, -bound, bound),
    bias: random(seed + 1, outChannels, -0.2, 0.2),
  };
}

/** Expects |a - b| <= tolerance * (max |b| + |b|) for all values. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    const bound = tolerance * (largest + Math.abs(expected[i]!));
    // Written so that NaN fails.
    if (!(Math.abs(actual[i]! - expected[i]!) <= bound)) {
      expect.fail(`Expected ${expected[i]} +- ${bound} at ${i} but received ${actual[i]}.`);
    }
  }
}

/** Has all `problems` computed in the variant `name` of the gpu family. */
export function chooseVariant(context: GpuContext, problems: readonly Problem[], name: string): void {
  context.choices = new Map(problems.map((problem) => [problemKey(problem), name]));
}

/**
 * Runs the test, and expects `y` to be `sums` behind a ReLU: values, and a mask of signs where a sum is further than
 * `margin` from zero. Resolves with the values.
 */
export async function expectActivation(
  test: OperationsTest,
  y: Activation,
  sums: Planes,
  tolerance: number,
  margin = tolerance,
): Promise<Planes> {
  const [map, mask] = [test.observe(y), test.observeMask(y)];
  await test.run();
  const values = await test.read(map);
  expectClose(values.data, relu(sums).data, tolerance);
  const bits = (await test.read(mask)).data;
  const isWrong = (bit: number, i: number) =>
    Math.abs(sums.data[i]!) > margin && bit !== Number(sums.data[i]! > 0);
  expect(bits.findIndex(isWrong)).toBe(-1);
  return values;
}
