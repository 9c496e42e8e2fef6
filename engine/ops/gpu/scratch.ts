/** Memory that the gpu family's operations on one picture size use again and again. */
import type { Arena } from "../../gpu/arena.ts";
import type { Resource } from "../../gpu/program.ts";

/** Bytes of a 64 x 64 tile of a Gram matrix. */
const GRAM_TILE_BYTES = 4 * 64 * 64;

/** Bytes of products that are kept for another kernel, at most: few enough to stay in a large GPU's cache. */
export const PRODUCT_BYTES = 2 ** 25;

/** Winograd's inputs and products of a band of tiles, `bytes` each. */
interface WinogradScratch {
  readonly inputs: GPUBuffer;
  readonly products: GPUBuffer;
  readonly bytes: number;
}

export class GpuScratch {
  /** Workgroups of a Gram product at most: enough to fill a GPU. */
  static readonly gramGroups = 512;
  readonly #arena: Arena;
  /** Values of the largest map. */
  readonly #values: number;
  /** Two maps, so that an operation can read one and write the other. */
  readonly #maps: readonly [GPUBuffer, GPUBuffer];
  #gramPartials: GPUBuffer | undefined;
  #winogradInputs: GPUBuffer | undefined;
  #products: GPUBuffer | undefined;

  /** For maps of at most so many values. */
  constructor(arena: Arena, values: number, texelBytes: number) {
    this.#arena = arena;
    this.#values = values;
    const bytes = (values / 4) * texelBytes;
    this.#maps = [arena.buffer("maps 0", bytes), arena.buffer("maps 1", bytes)];
  }

  /** The buffer for a map of any layer that is not `busy`. */
  map(busy?: Resource): GPUBuffer {
    const [first, second] = this.#maps;
    return first === busy ? second : first;
  }

  /** Partial sums of one Gram product. */
  gramPartials(): GPUBuffer {
    this.#gramPartials ??= this.#arena.buffer("gram partials", GRAM_TILE_BYTES * GpuScratch.gramGroups);
    return this.#gramPartials;
  }

  winograd(): WinogradScratch {
    const bytes = this.#bandBytes();
    this.#winogradInputs ??= this.#arena.buffer("Winograd inputs", bytes);
    return { inputs: this.#winogradInputs, products: this.products(), bytes };
  }

  /** Winograd's products of a band of tiles, or the parts of a small map's sums: at least so many `bytes`. */
  products(bytes = 0): GPUBuffer {
    const most = this.#bandBytes();
    if (bytes > most) throw new Error(`Expected products of ${most} bytes at most but there are ${bytes}.`);
    this.#products ??= this.#arena.buffer("products", most);
    return this.#products;
  }

  /** All tiles of a small map take 4 maps and some, in f32, and so do the parts of its sums. */
  #bandBytes(): number {
    return Math.min(PRODUCT_BYTES, 4 * 5 * this.#values);
  }
}
