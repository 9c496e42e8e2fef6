/** Half precision: rounding to it, and its bits. */
import { halfToFloat } from "../../engine/gpu/precision.ts";

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

const LARGEST = 65504;
/** In a double's high word: the exponent, its unit, and the least one of normal halves. */
const EXPONENT = 0x7ff00000;
const UNIT = 0x00100000;
const LEAST_EXPONENT = (1023 - 14) * UNIT;

/** The half next to `value`, ties to even; infinity beyond the largest one. */
export function roundHalf(value: number): number {
  double[0] = value;
  const exponent = words[1]! & EXPONENT;
  if (exponent === EXPONENT) return value;
  // 1.5 * 2^42 times the value's power of two: what is added to it loses what a half has no bits for.
  words[1] = Math.max(exponent, LEAST_EXPONENT) + 42 * UNIT + UNIT / 2;
  words[0] = 0;
  const rounded = value + double[0]! - double[0]!;
  if (rounded > LARGEST) return Number.POSITIVE_INFINITY;
  if (rounded < -LARGEST) return Number.NEGATIVE_INFINITY;
  return rounded === 0 ? 0 * Math.sign(value) : rounded;
}

/** The bits of a value that a half can hold. */
export function halfBits(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude === 0x7f800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000) >>> 13);
  return sign | Math.round(Math.abs(value) * 2 ** 24);
}

/** The value of each half, by its bits. */
export const halves = Float32Array.from({ length: 2 ** 16 }, (_, half) => halfToFloat(half));
