/**
 * Types of elements by safetensors' names, and how the floats among them become f32. All are little-endian, as is every
 * platform Node.js has a WebGPU for.
 */

/** Bytes an element. */
export const elementSizes: ReadonlyMap<string, number> = new Map([
  ["F32", 4],
  ["F64", 8],
  ["F16", 2],
  ["BF16", 2],
  ["F8_E4M3", 1],
  ["F8_E5M2", 1],
  ["BOOL", 1],
  ["U8", 1],
  ["I8", 1],
  ["U16", 2],
  ["I16", 2],
  ["U32", 4],
  ["I32", 4],
  ["U64", 8],
  ["I64", 8],
  ["C64", 8],
  ["C128", 16],
]);

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
  const halves = new Uint16Array(bytes);
  const values = halfValues();
  const result = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) result[i] = values[halves[i]!]!;
  return result;
}

let table: Float32Array | undefined;

function halfValues(): Float32Array {
  table ??= Float32Array.from({ length: 0x10000 }, (_, bits) => halfToFloat(bits));
  return table;
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a binary32. */
function decodeBfloat16(bytes: ArrayBuffer): Float32Array {
  const halves = new Uint16Array(bytes);
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}
