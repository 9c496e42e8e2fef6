/** What both formats of torch.save come to: tensors that are views of storages, which lie somewhere in the file. */
import type { ByteSource } from "./byte-source.ts";
import { decodeFloats } from "./dtypes.ts";
import { readableTensor, type TensorFile, type TensorInfo } from "./tensor-file.ts";
import { gather, isContiguous, type TorchTensor } from "./torch-tensor.ts";

/** Where a storage lies. */
export interface StoragePlace {
  /** Of its first byte, from the start of the file. */
  readonly begin: number;
  /** Throws `bad-weights` where the file shows by itself that its bytes in [begin, end) of the storage are damaged. */
  check(bytes: Uint8Array, begin: number, end: number): Promise<void> | void;
}

export class TorchFile implements TensorFile {
  readonly path: string;
  readonly format: "torch-zip" | "torch-legacy";
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata = {};
  readonly #source: ByteSource;
  readonly #views: ReadonlyMap<string, TorchTensor>;
  readonly #places: ReadonlyMap<string, StoragePlace>;

  /** `places`: by the keys of the storages of `views`. */
  constructor(
    source: ByteSource,
    format: "torch-zip" | "torch-legacy",
    views: ReadonlyMap<string, TorchTensor>,
    places: ReadonlyMap<string, StoragePlace>,
  ) {
    this.path = source.path;
    this.format = format;
    this.#source = source;
    this.#views = views;
    this.#places = places;
    const info = ({ dtype, shape, storage, begin, end }: TorchTensor): TensorInfo => {
      const start = places.get(storage.key)!.begin;
      return { dtype, shape, begin: start + begin, end: start + end };
    };
    this.tensors = new Map([...views].map(([name, view]) => [name, info(view)]));
  }

  async read(name: string): Promise<Float32Array> {
    const { dtype, begin, end } = readableTensor(this, name);
    if (begin === end) return new Float32Array();
    const view = this.#views.get(name)!;
    const bytes = await this.#source.read(begin, end);
    await this.#places.get(view.storage.key)!.check(bytes, view.begin, view.end);
    const span = decodeFloats(dtype, bytes.buffer);
    return isContiguous(view) ? span : gather(span, view);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
