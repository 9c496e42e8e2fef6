/**
 * A convolution of about a problem's size on random data, which any variant can compute: what tuning times, and what
 * tells right variants from wrong ones.
 *
 * All values are multiples of powers of two that halves hold exactly, so that products are the same whatever multiplies
 * them, and a few outputs are computed here, in double precision, to compare with.
 */
import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import { halfToFloat, stored } from "../../gpu/precision.ts";
import { Program } from "../../gpu/program.ts";
import { noisePicture } from "../../picture.ts";
import type { MapShape } from "../family.ts";
import { type Convolution, type Finish, recordVariant } from "./convolution.ts";
import { MASK_CHANNELS, mapShape, maskBytes, maskWords, texelBytes } from "./layout.ts";
import { GpuScratch } from "./scratch.ts";
import { type Problem, problemExponent, type Variant } from "./variants.ts";
import { DirectedWeights } from "./weights.ts";

/** Values before they repeat: four times a prime, so that no plane begins as another does. */
const PERIOD = 4 * 16_381;

/** Multiples of `scale` / 1024 in [-scale, scale]. */
const pattern = (seed: number, scale: number): Float32Array =>
  noisePicture({ width: PERIOD, height: 1 }, seed)
    .data.subarray(0, PERIOD)
    .map((value) => (scale * Math.round(2048 * value - 1024)) / 1024);

interface Patterns {
  readonly values: Float32Array;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly mask: Uint32Array;
}

let made: Patterns | undefined;

/** Outputs are about as large as inputs. */
function patterns(): Patterns {
  made ??= {
    values: pattern(1, 1),
    weights: pattern(2, 1 / 16),
    bias: pattern(3, 1),
    mask: Uint32Array.from({ length: PERIOD }, (_, i) => Math.imul(i + 1, 0x9e3779b1)),
  };
  return made;
}

/** `count` values, the pattern again and again. */
function repeated(values: Float32Array, count: number): Float32Array {
  const all = new Float32Array(count);
  for (let at = 0; at < count; at += values.length) all.set(values.subarray(0, count - at), at);
  return all;
}

/** Pixels of a map whose scratch holds one of Winograd's tiles. In a run it is that of the largest map. */
const LEAST_SCRATCH = 16;

/** Outputs that are compared, in fours: corners, and places in between. */
const SAMPLES = 48;

/** Largest error of an output over the root of the mean of their squares; a wrong kernel is off by about 1. */
const TOLERANCE = { f32: 1e-3, f16: 2e-2 } as const;

/** Four channels of a pixel. */
interface Place {
  readonly c4: number;
  readonly row: number;
  readonly column: number;
}

export class Exercise {
  readonly #context: GpuContext;
  readonly #arena: Arena;
  readonly #problem: Problem;
  readonly #patterns = patterns();
  readonly #scratch: GpuScratch;
  readonly #convolution: Convolution;
  readonly #places: readonly Place[];
  #expected: Float64Array | undefined;

  /** All memory comes from `arena`. */
  constructor(context: GpuContext, arena: Arena, problem: Problem) {
    const { inChannels, outChannels, precision } = problem;
    const exponent = problemExponent(problem);
    const [height, width] = [2 ** (exponent >> 1), 2 ** (exponent - (exponent >> 1))];
    this.#context = context;
    this.#arena = arena;
    this.#problem = problem;
    const pixels = Math.max(height * width, LEAST_SCRATCH);
    this.#scratch = new GpuScratch(arena, Math.max(inChannels, outChannels) * pixels, texelBytes(precision));
    this.#convolution = this.#fill(mapShape(inChannels, height, width), mapShape(outChannels, height, width));
    this.#places = placesIn(mapShape(outChannels, height, width));
  }

  #fill(from: MapShape, shape: MapShape): Convolution {
    const { side, direction, inChannels, outChannels, precision } = this.#problem;
    const { values, weights: pattern, bias, mask: words } = this.#patterns;
    const [context, arena] = [this.#context, this.#arena];
    const mapBytes = ({ channels, height, width }: MapShape) =>
      (channels / 4) * height * width * texelBytes(precision);
    const resource = arena.buffer("x", mapBytes(from));
    this.#repeat(resource, stored(values, precision));
    const mask = arena.buffer("mask", maskBytes(shape));
    this.#repeat(mask, words);
    const finish: Finish =
      direction === "forward"
        ? { mode: "forward", bias: arena.bufferWith("bias", bias.slice(0, outChannels)), mask }
        : { mode: side === 3 ? "masked" : "added", mask };
    const count = inChannels * outChannels;
    const weights = repeated(pattern, side ** 2 * count);
    const common = { x: { shape: from, resource }, y: arena.buffer("y", mapBytes(shape)), shape, finish };
    return side === 3
      ? { ...common, side, weights: new DirectedWeights(context, arena, "weights", weights, precision) }
      : { ...common, side, weights: arena.bufferWith("weights", weights) };
  }

  /** Fills `buffer` with `data` again and again. */
  #repeat(buffer: GPUBuffer, data: Float32Array | Uint16Array | Uint32Array): void {
    for (let offset = 0; offset < buffer.size; offset += data.byteLength) {
      const bytes = Math.min(data.byteLength, buffer.size - offset);
      this.#context.device.queue.writeBuffer(buffer, offset, data.buffer as ArrayBuffer, 0, bytes);
    }
  }

  record(variant: Variant): Program {
    const [context, { precision }] = [this.#context, this.#problem];
    const program = new Program(context, this.#arena);
    const recording = { context, program, scratch: this.#scratch, precision };
    recordVariant(recording, this.#convolution, variant, variant.name);
    return program;
  }

  /** Runs `program`, whose kernels are ready, on outputs of zero, and compares what it made with what it should. */
  async isRight(program: Program): Promise<boolean> {
    const { device } = this.#context;
    const { y, shape, finish } = this.#convolution;
    using arena = this.#context.arena("compared outputs");
    const bytes = texelBytes(this.#problem.precision);
    const staging = arena.staging("compared outputs", (bytes + 4) * SAMPLES);
    const encoder = device.createCommandEncoder({ label: "self-test" });
    encoder.clearBuffer(y);
    if (finish.mode === "forward") encoder.clearBuffer(finish.mask);
    device.queue.submit([encoder.finish()]);
    program.submit();
    const copies = device.createCommandEncoder({ label: "self-test" });
    for (const [i, place] of this.#places.entries()) {
      copies.copyBufferToBuffer(y, bytes * texelIndex(shape, place), staging, bytes * i, bytes);
      if (finish.mode === "plain") continue;
      const word = 4 * maskIndex(shape, place);
      copies.copyBufferToBuffer(finish.mask, word, staging, bytes * SAMPLES + 4 * i, 4);
    }
    device.queue.submit([copies.finish()]);
    return this.#agrees(await this.#context.readStaging(staging));
  }

  #agrees(found: ArrayBuffer): boolean {
    const { precision } = this.#problem;
    this.#expected ??= this.#sums();
    const expected = this.#expected;
    const values =
      precision === "f32"
        ? new Float32Array(found, 0, 4 * SAMPLES)
        : Float32Array.from(new Uint16Array(found, 0, 4 * SAMPLES), halfToFloat);
    const words = new Uint32Array(found, texelBytes(precision) * SAMPLES);
    const norm = Math.sqrt(expected.reduce((sum, value) => sum + value ** 2, 0) / expected.length);
    const allowed = TOLERANCE[precision] * norm;
    return expected.every((sum, i) => {
      const { c4 } = this.#places[i >> 2]!;
      const bit = ((words[i >> 2]! >>> (4 * (c4 & 7) + (i & 3))) & 1) === 1;
      const isForward = this.#convolution.finish.mode === "forward";
      const value = isForward ? Math.max(sum, 0) : bit ? sum : 0;
      if (!(Math.abs(values[i]! - value) <= allowed)) return false; // also where it is not a number
      return !isForward || Math.abs(sum) <= allowed || bit === sum > 0;
    });
  }

  /** The outputs at the places before ReLU or mask, four at each. */
  #sums(): Float64Array {
    const { side, inChannels, outChannels } = this.#problem;
    const { values, weights, bias } = this.#patterns;
    const { shape, finish } = this.#convolution;
    const { height, width } = shape;
    const sums = new Float64Array(4 * SAMPLES);
    for (const [i, { c4, row, column }] of this.#places.entries()) {
      for (let tap = 0; tap < side ** 2; tap++) {
        const [r, c] = [row + Math.floor(tap / side) - (side >> 1), column + (tap % side) - (side >> 1)];
        if (r < 0 || r >= height || c < 0 || c >= width) continue;
        for (let k = 0; k < inChannels; k++) {
          const x = values[(4 * (((k >> 2) * height + r) * width + c) + (k & 3)) % PERIOD]!;
          const first = (tap * inChannels + k) * outChannels + 4 * c4;
          for (let lane = 0; lane < 4; lane++) {
            sums[4 * i + lane]! += x * weights[(first + lane) % PERIOD]!;
          }
        }
      }
      for (let lane = 0; lane < 4 && finish.mode === "forward"; lane++)
        sums[4 * i + lane]! += bias[4 * c4 + lane]!;
    }
    return sums;
  }
}

const texelIndex = ({ height, width }: MapShape, { c4, row, column }: Place): number =>
  (c4 * height + row) * width + column;

const maskIndex = (shape: MapShape, { c4, row, column }: Place): number =>
  Math.floor((4 * c4) / MASK_CHANNELS) * maskWords(shape) + row * shape.width + column;

/** The corners of the first and last channels, then places that step through all by odd strides. */
function placesIn({ channels, height, width }: MapShape): readonly Place[] {
  const most = channels / 4;
  const corners = [0, most - 1].flatMap((c4) =>
    [0, height - 1].flatMap((row) => [0, width - 1].map((column) => ({ c4, row, column }))),
  );
  const others = Array.from({ length: SAMPLES - corners.length }, (_, i) => ({
    c4: (5 * i + 1) % most,
    row: (37 * i + 3) % height,
    column: (101 * i + 7) % width,
  }));
  return [...corners, ...others];
}
