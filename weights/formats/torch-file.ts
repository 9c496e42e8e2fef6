/**
 * What both formats of torch.save come to: tensors that are strided views of storages, which several may share and
 * which
 * lie somewhere in the file.
 */

import type { ByteSource } from "./byte-source.ts";
import { decodeFloats, elementSizes, torchNames } from "./dtypes.ts";
import { elementsOf, readableTensor, type TensorFile, type TensorInfo } from "./tensor-file.ts";

/** A run of bytes that tensors lie in, or a part of one. */
export class Storage {
  readonly key: string;
  /** Of its elements; "U8" where only its tensors know. */
  readonly dtype: string;
  /** Bytes of the whole storage `key`. */
  readonly bytes: number;
  /** Where the part begins and ends, in bytes from the start of the whole. */
  readonly begin: number;
  readonly end: number;

  constructor(key: string, dtype: string, bytes: number, begin = 0, end = bytes) {
    this.key = key;
    this.dtype = dtype;
    this.bytes = bytes;
    this.begin = begin;
    this.end = end;
  }
}

/**
 * Element [i, j, ...] is at `offset + i * strides[0] + j * strides[1] + ...` of the storage's part, counted in
 * elements.
 */
export class TorchTensor {
  readonly storage: Storage;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** The bytes that it covers of the whole storage, others' between them included; none where it has no element. */
  readonly begin: number;
  readonly end: number;

  constructor(
    storage: Storage,
    dtype: string,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    const size = elementSizes.get(dtype)!;
    const last = shape.reduce((sum, n, dimension) => sum + (n - 1) * strides[dimension]!, 0);
    this.storage = storage;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    this.begin = storage.begin + offset * size;
    this.end = elementsOf(shape) === 0 ? this.begin : this.begin + (last + 1) * size;
  }
}

/** Whether the elements lie in row-major order with nothing between them. */
function isContiguous({ shape, strides }: TorchTensor): boolean {
  let next = 1;
  for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
    if (shape[dimension] !== 1 && strides[dimension] !== next) return false;
    next *= shape[dimension]!;
  }
  return true;
}

/** The elements of a tensor in row-major order. `span`: all from its first to its last. */
function gather(span: Float32Array, tensor: TorchTensor): Float32Array {
  const dimensions = tensor.shape
    .map((count, dimension) => ({ count, stride: tensor.strides[dimension]! }))
    .filter(({ count }) => count !== 1);
  const result = new Float32Array(elementsOf(tensor.shape));
  let to = 0;
  const walk = (depth: number, from: number) => {
    const { count, stride } = dimensions[depth]!;
    if (depth === dimensions.length - 1)
      for (let i = 0; i < count; i++) result[to++] = span[from + i * stride]!;
    else for (let i = 0; i < count; i++) walk(depth + 1, from + i * stride);
  };
  walk(0, 0);
  return result;
}

/** Our name for a type of elements, which a storage class or a dtype stands for. */
export class ElementType {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** By module and name, joined by a dot. */
export const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  ["torch.storage.UntypedStorage", new ElementType("U8")],
  ...[...torchNames].flatMap(([name, globals]) =>
    globals.map((global) => [`torch.${global}`, new ElementType(name)] as const),
  ),
]);

/** Where a storage lies. */
export interface StoragePlace {
  /** Of its first byte, from the start of the file. */
  readonly begin: number;
  /** Throws `bad-weights` where the file shows by itself that its bytes in [begin, end) of the storage are damaged. */
  check(bytes: Uint8Array, begin: number, end: number): Promise<void> | void;
}

/** `places`: by the keys of the storages of `views`. */
export function torchFile(
  source: ByteSource,
  format: "torch-zip" | "torch-legacy",
  views: ReadonlyMap<string, TorchTensor>,
  places: ReadonlyMap<string, StoragePlace>,
): TensorFile {
  const info = ({ dtype, shape, storage, begin, end }: TorchTensor): TensorInfo => {
    const start = places.get(storage.key)!.begin;
    return { dtype, shape, begin: start + begin, end: start + end };
  };
  const file: TensorFile = {
    path: source.path,
    size: source.size,
    format,
    tensors: new Map([...views].map(([name, view]) => [name, info(view)])),
    metadata: {},
    async read(name) {
      const { dtype, begin, end } = readableTensor(file, name);
      if (begin === end) return new Float32Array();
      const view = views.get(name)!;
      const bytes = await source.read(begin, end);
      await places.get(view.storage.key)!.check(bytes, view.begin, view.end);
      const span = decodeFloats(dtype, bytes.buffer);
      return isContiguous(view) ? span : gather(span, view);
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
  return file;
}
