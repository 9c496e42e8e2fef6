/** In which format feature maps, weights and L-BFGS's pairs are stored on the device; sums are f32 with both. */
import { StylizeError } from "../errors.ts";
import type { GpuContext } from "./context.ts";

/** `f16` halves memory and its traffic, and keeps three decimal digits. */
export type Precision = "f32" | "f16";

/**
 * The precision that a run asks for on this context. `auto`: f16 on a GPU that has it, else f32.
 *
 * @throws StylizeError `unsupported` where f16 is asked for and can't be had.
 */
export function precisionOn(context: GpuContext, wanted: Precision | "auto"): Precision {
  const { family, isSoftware, adapterName } = context;
  const isPossible = family === "gpu" && context.device.features.has("shader-f16");
  if (wanted === "f16" && !isPossible) {
    const reason = family === "gpu" ? "has no shader-f16" : "has f32 kernels only";
    throw new StylizeError(
      "unsupported",
      `Expected an adapter that computes with f16 but ${adapterName} ${reason}; choose --precision f32 or auto.`,
    );
  }
  if (wanted !== "auto") return wanted;
  return isPossible && !isSoftware ? "f16" : "f32";
}

/**
 * How L-BFGS stores its pairs in a run that asks for this precision: in f16 unless all is to be f32.
 *
 * Every adapter can do that, and it costs no quality: losses after any number of steps differ by no more than another
 * rounding makes them differ (docs/performance.md).
 */
export const pairPrecision = (wanted: Precision | "auto"): Precision => (wanted === "f32" ? "f32" : "f16");

/** Values as maps hold them. */
export const stored = (values: Float32Array, precision: Precision): Float32Array | Uint16Array =>
  precision === "f16" ? toHalves(values) : values;

/**
 * `values` in half precision, rounded to nearest, ties to even; what is beyond 65,504 becomes that, as in
 * shaders/lib/texel_f16.wgsl. (Float16Array is not in every Node.js and browser that we run in.)
 */
export function toHalves(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    // tens of millions of weights, for which Uint16Array.from() is slow
    const word = words[i]!;
    halves[i] = ((word >>> 16) & 0x8000) | halfOfMagnitude(word & 0x7fffffff);
  }
  return halves;
}

const LARGEST = 0x7bff;
/** f32 words of 2^-14, the least normal half; of 1/2; and of the distance between the exponents' zeros. */
const LEAST_NORMAL = 0x38800000;
const ONE_HALF = 0x3f000000;
const REBIAS = 0x38000000;

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** From the word of a positive f32 to that of a half. */
function halfOfMagnitude(magnitude: number): number {
  if (magnitude >= LEAST_NORMAL) {
    const tiesToEven = 0xfff + ((magnitude >>> 13) & 1);
    return Math.min((magnitude - REBIAS + tiesToEven) >>> 13, LARGEST);
  }
  // Next to one half neighbours are 2^-24 apart, as subnormal halves are: the sum rounds as they do.
  word[0] = magnitude;
  float[0] = float[0]! + 0.5;
  return word[0]! - ONE_HALF;
}

/** The value of a half's 16 bits. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
