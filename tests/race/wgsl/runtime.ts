/** What generated code calls: WGSL's functions of scalars as JavaScript's of numbers. */
import { halfBits, halves, roundHalf } from "../half.ts";

const float = new Float32Array(1);
const unsigned = new Uint32Array(float.buffer);
const signed = new Int32Array(float.buffer);

/** Stands for an address outside: far below zero, where typed arrays have nothing and take nothing. */
export const NOWHERE = -(2 ** 30);

export const runtime = {
  fr: Math.fround,
  hf: roundHalf,
  halves,
  halfBits,
  min: (a: number, b: number) => (b < a ? b : a),
  max: (a: number, b: number) => (a < b ? b : a),
  /** From a float; what is out of range becomes the end of it. */
  toU32: (x: number) => (x >= 1 ? (x >= 4294967295 ? 4294967295 : x >>> 0) : 0),
  toI32: (x: number) => (x >= 2147483647 ? 2147483647 : x <= -2147483648 ? -2147483648 : x | 0),
  floatToU32: (x: number) => {
    float[0] = x;
    return unsigned[0]!;
  },
  floatToI32: (x: number) => {
    float[0] = x;
    return signed[0]!;
  },
  u32ToFloat: (x: number) => {
    unsigned[0] = x;
    return float[0]!;
  },
  i32ToFloat: (x: number) => {
    signed[0] = x;
    return float[0]!;
  },
  sign: (x: number) => (x > 0 ? 1 : x < 0 ? -1 : 0),
  /** Ties to even. */
  round: (x: number) => {
    const nearest = Math.round(x);
    return nearest - x === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
  },
  pack2x16float: (x: number, y: number) => (halfBits(roundHalf(x)) | (halfBits(roundHalf(y)) << 16)) >>> 0,
} as const;

export type Runtime = typeof runtime;

const names = Object.keys(runtime) as (keyof Runtime)[];

/** The names of the runtime as variables, for the head of generated code. */
export const runtimeNames = names.join(", ");

const values = new Map<string, number | boolean>();

/** The value of an expression of generated code that has constants only. */
export function evaluate(code: string): number | boolean {
  let value = values.get(code);
  if (value === undefined) {
    value = new Function(`{ ${runtimeNames} }`, `return (${code});`)(runtime) as number | boolean;
    values.set(code, value);
  }
  return value;
}
