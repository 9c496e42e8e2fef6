/** What every format of weights comes down to: named tensors, of which any can be read alone. */

import { badWeights, cutShort, quoted } from "./byte-source.ts";
import { floatTypes } from "./dtypes.ts";

/** Formats by the names that users see. */
export type Format = "safetensors" | "torch-zip" | "torch-legacy";

export interface TensorInfo {
  /** As safetensors names them: "F32", "BF16", "I64". */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Its bytes lie in [begin, end) of the file, with others' between them where it is strided. */
  readonly begin: number;
  readonly end: number;
}

/** An open file, of which only the directory of tensors has been read. */
export interface TensorFile extends AsyncDisposable {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly format: Format;
  /** In the file's order; nested dictionaries flattened, their keys joined by dots. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Free text that the writer left. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * The tensor's values as f32, row-major.
   *
   * @throws StylizeError `bad-weights` if it is not there, no float, or beyond the end of a file that is cut short.
   */
  read(name: string): Promise<Float32Array>;
}

/** As many as PyTorch allows. */
const MAX_DIMENSIONS = 64;
/** A few bytes of a file can describe a tensor of any size; the largest of VGG19 has 102,760,448 elements. */
const MAX_ELEMENTS = 2 ** 28;
const MAX_BYTES = 2 ** 31;

/** Elements of a tensor; infinity where they are more than a number can tell. */
export function elementsOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, n) => product * n, 1);
}

export function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Shapes, strides, offsets. */
export function areNaturals(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isNatural);
}

export const lacking = (path: string, name: string): string =>
  `Expected a tensor ${quoted(name)} in '${path}' but it has none of that name.`;

/** The entry of a tensor that can be read. Throws `bad-weights` as `read` does, before anything is read. */
export function readableTensor(file: TensorFile, name: string): TensorInfo {
  const info = file.tensors.get(name);
  if (!info) throw badWeights(lacking(file.path, name));
  if (!floatTypes.includes(info.dtype))
    throw badWeights(
      `Expected ${quoted(name)} in '${file.path}' to be one of ${floatTypes.join(", ")} but it is ` +
        `${quoted(info.dtype).slice(1, -1)}.`,
    );
  const elements = elementsOf(info.shape);
  if (elements > MAX_ELEMENTS || info.end - info.begin > MAX_BYTES)
    throw badWeights(
      `Expected at most ${MAX_ELEMENTS} elements in ${MAX_BYTES} bytes for ${quoted(name)} in ` +
        `'${file.path}' but it has ${elements} in ${info.end - info.begin}.`,
    );
  if (info.end > file.size) throw cutShort(file.path, info.end, file.size);
  return info;
}
