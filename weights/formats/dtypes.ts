/**
 * Types of elements by safetensors' names, and how the floats among them become f32. All are little-endian, as is every
 * platform Node.js has a WebGPU for.
 */

import { halfToFloat } from "../../engine/gpu/precision.ts";

/** safetensors' name, bytes an element, torch.dtype, PyTorch's storage class where there is one. */
const table: readonly (readonly [name: string, bytes: number, ...torch: readonly string[]])[] = [
  ["F32", 4, "float32", "FloatStorage"],
  ["F64", 8, "float64", "DoubleStorage"],
  ["F16", 2, "float16", "HalfStorage"],
  ["BF16", 2, "bfloat16", "BFloat16Storage"],
  ["F8_E4M3", 1, "float8_e4m3fn"],
  ["F8_E5M2", 1, "float8_e5m2"],
  ["BOOL", 1, "bool", "BoolStorage"],
  ["U8", 1, "uint8", "ByteStorage"],
  ["I8", 1, "int8", "CharStorage"],
  ["U16", 2, "uint16"],
  ["I16", 2, "int16", "ShortStorage"],
  ["U32", 4, "uint32"],
  ["I32", 4, "int32", "IntStorage"],
  ["U64", 8, "uint64"],
  ["I64", 8, "int64", "LongStorage"],
  ["C64", 8, "complex64", "ComplexFloatStorage"],
  ["C128", 16, "complex128", "ComplexDoubleStorage"],
];

/** Bytes an element. */
export const elementSizes: ReadonlyMap<string, number> = new Map(table.map(([name, bytes]) => [name, bytes]));

/** What the module `torch` calls each. */
export const torchNames: ReadonlyMap<string, readonly string[]> = new Map(
  table.map(([name, , ...torch]) => [name, torch]),
);

type Decoder = (bytes: ArrayBuffer) => Float32Array;

const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["F32", (bytes) => new Float32Array(bytes)],
  ["F64", (bytes) => new Float32Array(new Float64Array(bytes))],
  ["F16", decodeHalf],
  ["BF16", decodeBfloat16],
]);

/** The types that can be decoded. */
export const floatTypes: readonly string[] = [...decoders.keys()];

/** Elements of one of `floatTypes`, widened or narrowed to f32; f32 itself is not copied. */
export function decodeFloats(dtype: string, bytes: ArrayBuffer): Float32Array {
  return decoders.get(dtype)!(bytes);
}

/** IEEE 754 binary16, by a table of all its values. */
function decodeHalf(bytes: ArrayBuffer): Float32Array {
  halfValues ??= Float32Array.from({ length: 0x10000 }, (_, bits) => halfToFloat(bits));
  const halves = new Uint16Array(bytes);
  const result = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) result[i] = halfValues[halves[i]!]!;
  return result;
}

let halfValues: Float32Array | undefined;

/** The upper half of a binary32. */
function decodeBfloat16(bytes: ArrayBuffer): Float32Array {
  const halves = new Uint16Array(bytes);
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}
