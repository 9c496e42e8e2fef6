/** PyTorch's tensors: strided views of storages, which several tensors may share. */
import { elementSizes } from "./dtypes.ts";
import { elementsOf } from "./tensor-file.ts";

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
export function isContiguous({ shape, strides }: TorchTensor): boolean {
  let next = 1;
  for (let dimension = shape.length - 1; dimension >= 0; dimension--) {
    if (shape[dimension] !== 1 && strides[dimension] !== next) return false;
    next *= shape[dimension]!;
  }
  return true;
}

/** The elements of a tensor in row-major order. `span`: all from its first to its last. */
export function gather(span: Float32Array, tensor: TorchTensor): Float32Array {
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
