/**
 * Each variant that the adapter can compute a convolution in, on maps of odd sizes, all outputs held against double
 * precision: forward with bias, ReLU and signs, backward behind a mask, and a style's product on top of what is there.
 */

import type { Arena } from "../../engine/gpu/arena.ts";
import type { GpuContext } from "../../engine/gpu/context.ts";
import { halfToFloat, type Precision, precisionOn, stored } from "../../engine/gpu/precision.ts";
import { Program } from "../../engine/gpu/program.ts";
import type { MapShape } from "../../engine/ops/family.ts";
import { type Convolution, type Finish, recordVariant } from "../../engine/ops/gpu/convolution.ts";
import {
  MASK_CHANNELS,
  mapShape,
  maskBytes,
  maskWords,
  packBackward,
  packForward,
  texelBytes,
} from "../../engine/ops/gpu/layout.ts";
import { GpuScratch } from "../../engine/ops/gpu/scratch.ts";
import { oneOfEach, type Problem, type Variant, variantsFor } from "../../engine/ops/gpu/variants.ts";
import { DirectedWeights } from "../../engine/ops/gpu/weights.ts";
import { conv, dConv, planes } from "../../engine/ops/reference.ts";
import { noisePicture } from "../../engine/picture.ts";
import { open } from "./adapter.ts";
import { type OperationKind, type OperationTest, operationKinds } from "./report.ts";
import { doUnits, type UnitsRequest } from "./requests.ts";
import { failureOf } from "./trial.ts";

/** Channels that are tried for a variant until it can compute them. */
const CHANNELS = [64, 128, 256, 512];

/** Maps: some workgroups with a rest, and less than one. */
const sizes = [
  { height: 13, width: 21 },
  { height: 3, width: 5 },
] as const;

/** The largest error that is right, over the largest value: some times what rounding makes of these sums. */
const TOLERANCE = { f32: 1e-4, f16: 5e-3 } as const;

interface Case {
  readonly kind: OperationKind;
  readonly precision: Precision;
  readonly variant: Variant;
  readonly problem: Problem;
  readonly height: number;
  readonly width: number;
}

/** A lost case's row is made of this label. */
const labelOf = ({ kind, precision, variant, problem: { inChannels, outChannels }, height, width }: Case) =>
  `${kind}|${precision}|${variant.name}|${inChannels} to ${outChannels} channels of ${height}x${width}`;

export function lostTest(label: string, message: string): OperationTest {
  const [kind, precision, variant, shape] = label.split("|") as [OperationKind, Precision, string, string];
  return { kind, precision, variant, shape, verdict: "failed", message };
}

export async function testOperations(request: UnitsRequest): Promise<void> {
  using context = await open(request);
  const units = casesOn(context, request.oneOfEach).map((test) => ({
    label: labelOf(test),
    run: () => testCase(context, test),
  }));
  await doUnits(units, request.skip);
}

function casesOn(context: GpuContext, only: boolean): Case[] {
  const precisions = (["f32", "f16"] as const).filter((precision) => isPossible(context, precision));
  return precisions.flatMap((precision) =>
    operationKinds.flatMap((kind) => {
      const found = smallestProblems(context, kind, precision);
      const variants = new Set(only ? oneOfEach([...found.keys()]) : found.keys());
      const chosen = [...found].filter(([variant]) => variants.has(variant));
      return chosen.flatMap(([variant, channels]) =>
        (only ? sizes.slice(0, 1) : sizes).map(
          ({ height, width }): Case => ({
            ...{ kind, precision, variant, height, width },
            problem: problemOf(kind, precision, channels, height * width),
          }),
        ),
      );
    }),
  );
}

function isPossible(context: GpuContext, precision: Precision): boolean {
  try {
    precisionOn(context, precision);
    return true;
  } catch {
    return false;
  }
}

/** Each variant with the fewest channels that it can compute. */
function smallestProblems(
  context: GpuContext,
  kind: OperationKind,
  precision: Precision,
): Map<Variant, number> {
  const found = new Map<string, readonly [Variant, number]>();
  for (const channels of CHANNELS) {
    for (const variant of variantsFor(problemOf(kind, precision, channels, 1), context)) {
      if (!found.has(variant.name)) found.set(variant.name, [variant, channels]);
    }
  }
  return new Map(found.values());
}

/** From 64 channels, which is another number than that of outputs where variants want many. */
function problemOf(kind: OperationKind, precision: Precision, channels: number, pixels: number): Problem {
  return {
    side: kind === "style" ? 1 : 3,
    direction: kind === "forward" ? "forward" : "backward",
    inChannels: kind === "style" ? channels : 64,
    outChannels: channels,
    ...{ pixels, precision },
  };
}

async function testCase(context: GpuContext, test: Case): Promise<OperationTest> {
  const { kind, precision, variant, problem, height, width } = test;
  const { inChannels, outChannels } = problem;
  const shape = `${inChannels} to ${outChannels} channels of ${height}x${width}`;
  const common = { kind, precision, variant: variant.name, shape } as const;
  try {
    const found = await compute(context, test);
    const error = largestError(found.values, found.expected);
    const isClose = error <= TOLERANCE[precision];
    const message = !isClose ? undefined : found.fault;
    return {
      ...common,
      verdict: isClose && !message ? "right" : "wrong",
      error,
      ...(message !== undefined && { message }),
    };
  } catch (error) {
    return { ...common, ...failureOf(error) };
  }
}

/** Infinity where a value is not a number. */
function largestError(values: ArrayLike<number>, expected: Float64Array): number {
  let [error, largest] = [0, 0];
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs(values[i]! - value);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    error = Math.max(error, difference);
    largest = Math.max(largest, Math.abs(value));
  }
  return error / largest;
}

/** Words behind a map, which nobody may write. */
const GUARD = new Uint32Array(64).fill(0xdeadbeef);

interface Computed {
  /** Planar, as `expected` is. */
  readonly values: Float64Array;
  readonly expected: Float64Array;
  /** What is wrong beside values. */
  readonly fault?: string | undefined;
}

async function compute(context: GpuContext, test: Case): Promise<Computed> {
  const { precision, variant, problem, height, width } = test;
  using arena = context.arena("operation");
  const [from, to] = [problem.inChannels, problem.outChannels].map((c) => mapShape(c, height, width));
  const data = dataOf(test);
  const bytes = (to!.channels / 4) * height * width * texelBytes(precision);
  const { y, mask, program } = await context.guarded(() => {
    const scratch = new GpuScratch(arena, Math.max(from!.channels, to!.channels) * 64, texelBytes(precision));
    const y = arena.buffer("y", bytes + GUARD.byteLength);
    context.device.queue.writeBuffer(
      y,
      0,
      texelsOf(data.before, to!, precision) as Float32Array<ArrayBuffer>,
    );
    context.device.queue.writeBuffer(y, bytes, GUARD);
    const mask = arena.bufferWith("mask", data.mask);
    const resource = arena.bufferWith("x", texelsOf(data.x, from!, precision));
    const finish: Finish =
      test.kind === "forward"
        ? { mode: "forward", bias: arena.bufferWith("bias", data.bias), mask }
        : { mode: test.kind === "style" ? "added" : "masked", mask };
    const common = { x: { shape: from!, resource }, y, shape: to!, finish };
    const convolution: Convolution =
      problem.side === 1
        ? { ...common, side: 1, weights: arena.bufferWith("weights", data.weights) }
        : { ...common, side: 3, weights: directed(context, arena, test, data.weights) };
    const program = new Program(context, arena);
    recordVariant({ context, program, scratch, precision }, convolution, variant, variant.name);
    return { y, mask, program };
  });
  await context.guarded(() => program.run());
  const found = await context.read(y, bytes + GUARD.byteLength);
  const words = new Uint32Array(await context.read(mask, maskBytes(to!)));
  const isGuarded = new Uint32Array(found, bytes).every((word) => word === GUARD[0]);
  const sums = sumsOf(test, data);
  const { expected, fault } = finished(test, data, sums, words, to!);
  return {
    values: valuesOf(found.slice(0, bytes), to!, precision),
    expected,
    fault: isGuarded ? fault : "writes behind its map",
  };
}

const directed = (context: GpuContext, arena: Arena, { kind, problem }: Case, weights: Float32Array) => {
  const { inChannels, outChannels, precision } = problem;
  const packed =
    kind === "forward"
      ? packForward(weights, outChannels, inChannels)
      : packBackward(weights, inChannels, outChannels);
  return new DirectedWeights(context, arena, "weights", packed, precision);
};

interface Data {
  /** Planar: [channels][height][width], rounded as they are stored. */
  readonly x: Float32Array;
  readonly before: Float32Array;
  /** OIHW of the layer; of a style's product [in][out]. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  /** [channels/32][pixels] */
  readonly mask: Uint32Array;
}

function dataOf({ kind, precision, problem, height, width }: Case): Data {
  const { side, inChannels, outChannels } = problem;
  const pixels = height * width;
  const values = (seed: number, count: number, scale: number) => {
    const noise = noisePicture({ width: Math.ceil(count / 3), height: 1 }, seed).data.subarray(0, count);
    return noise.map((value) => scale * (2 * value - 1));
  };
  const rounded = (floats: Float32Array) =>
    precision === "f32" ? floats : Float32Array.from(stored(floats, "f16") as Uint16Array, halfToFloat);
  const weights = values(2, side ** 2 * inChannels * outChannels, Math.sqrt(3 / (side ** 2 * inChannels)));
  const words = (outChannels / MASK_CHANNELS) * pixels;
  return {
    x: rounded(values(1, inChannels * pixels, 1)),
    before:
      kind === "style" ? rounded(values(4, outChannels * pixels, 1)) : new Float32Array(outChannels * pixels),
    weights: side === 3 ? rounded(weights) : weights, // of a style's product they are f32
    bias: values(3, outChannels, 0.2),
    mask:
      kind === "forward"
        ? new Uint32Array(words)
        : Uint32Array.from({ length: words }, (_, i) => Math.imul(i + 1, 0x9e3779b1)),
  };
}

/** Before ReLU or mask, in double precision. */
function sumsOf({ kind, problem, height, width }: Case, { x, weights, bias }: Data): Float64Array {
  const { inChannels, outChannels } = problem;
  const input = planes(inChannels, height, width, x);
  if (kind === "forward") return conv(input, weights, bias).data;
  if (kind === "backward") return dConv(input, weights, outChannels).data;
  const pixels = height * width;
  const sums = new Float64Array(outChannels * pixels);
  for (let i = 0; i < inChannels; i++) {
    for (let o = 0; o < outChannels; o++) {
      const w = weights[i * outChannels + o]!;
      for (let p = 0; p < pixels; p++) sums[o * pixels + p]! += w * x[i * pixels + p]!;
    }
  }
  return sums;
}

/** Sums behind ReLU or mask, and whether the signs that a forward convolution keeps are those of its sums. */
function finished(
  { kind, precision }: Case,
  data: Data,
  sums: Float64Array,
  words: Uint32Array,
  shape: MapShape,
) {
  const pixels = maskWords(shape);
  const isSet = (mask: Uint32Array, i: number) => {
    const [channel, pixel] = [Math.floor(i / pixels), i % pixels];
    const word = mask[Math.floor(channel / MASK_CHANNELS) * pixels + pixel]!;
    return ((word >>> (channel % MASK_CHANNELS)) & 1) === 1;
  };
  if (kind !== "forward") {
    const expected = sums.map((sum, i) => (isSet(data.mask, i) ? sum : 0) + data.before[i]!);
    return { expected };
  }
  const margin = TOLERANCE[precision] * sums.reduce((most, sum) => Math.max(most, Math.abs(sum)), 0);
  const wrong = sums.findIndex((sum, i) => Math.abs(sum) > margin && isSet(words, i) !== sum > 0);
  return {
    expected: sums.map((sum) => Math.max(sum, 0)),
    fault: wrong < 0 ? undefined : "keeps wrong signs",
  };
}

/** Planar values -> [channels/4][height][width][4] as maps hold them. */
function texelsOf(values: Float32Array, shape: MapShape, precision: Precision) {
  const texels = new Float32Array(values.length);
  for (const i of values.keys()) texels[texelPlace(shape, i)] = values[i]!;
  return stored(texels, precision);
}

function valuesOf(bytes: ArrayBuffer, shape: MapShape, precision: Precision): Float64Array {
  const texels =
    precision === "f32" ? new Float32Array(bytes) : Float32Array.from(new Uint16Array(bytes), halfToFloat);
  return Float64Array.from(texels, (_, i) => texels[texelPlace(shape, i)]!);
}

function texelPlace({ height, width }: MapShape, i: number): number {
  const pixels = height * width;
  const [channel, pixel] = [Math.floor(i / pixels), i % pixels];
  return 4 * ((channel >> 2) * pixels + pixel) + (channel & 3);
}
