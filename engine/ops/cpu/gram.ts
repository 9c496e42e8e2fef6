/** Gram matrices on the cpu family: F F^T as a batch of matrix products over chunks of 128 pixels, then their sum. */
import type { GpuContext } from "../../gpu/context.ts";
import { linearGrid, type Program } from "../../gpu/program.ts";
import { featuresOf } from "../elementwise.ts";
import type { Activation } from "../family.ts";
import type { Convolution } from "./convolution.ts";
import { GRAM_CHUNK, gramChunksIn } from "./layout.ts";
import type { Scratch } from "./scratch.ts";
import { copyFlat } from "./textures.ts";

export class Gram {
  readonly #context: GpuContext;
  readonly #program: Program;
  readonly #scratch: Scratch;
  readonly #products: Convolution;

  constructor(context: GpuContext, program: Program, scratch: Scratch, products: Convolution) {
    this.#context = context;
    this.#program = program;
    this.#scratch = scratch;
    this.#products = products;
  }

  /** gram = F F^T / (height * width): [channels][channels] f32. */
  record(x: Activation, gram: GPUBuffer): void {
    const { channels, rows, pitch } = x.shape;
    const pixels = rows * pitch;
    const chunks = Math.ceil(pixels / GRAM_CHUNK);
    const most = gramChunksIn(this.#scratch.texels, channels);
    for (let first = 0; first < chunks; first += most) {
      this.#addChunks(x, gram, first, Math.min(most, chunks - first));
    }
  }

  #addChunks(x: Activation, gram: GPUBuffer, first: number, chunks: number): void {
    const { channels, rows, pitch, height, width } = x.shape;
    const { transforms, products, transformsTexture, productsTexture } = this.#scratch;
    const program = this.#program;
    const quads = (chunks * GRAM_CHUNK) / 4;
    const tag = `gram ${channels}`;
    program.dispatch(
      this.#context.kernel("gram_tiles", { libs: ["linear_index", "fast_divide"] }),
      { x: featuresOf(x), xt: transforms, wt: products },
      {
        channels,
        pixels: rows * pitch,
        first_quad: (first * GRAM_CHUNK) / 4,
        quads,
        inverse_quads: 1 / quads,
      },
      linearGrid((quads * channels) / 4 / 64),
      tag,
    );
    copyFlat(program, transforms, transformsTexture, quads * channels, `${tag} copy`);
    copyFlat(program, products, productsTexture, quads * channels, `${tag} copy`);
    this.#products.product(
      {
        weights: productsTexture.view,
        x: transformsTexture.view,
        y: products,
        rows: channels,
        depth: GRAM_CHUNK,
        columns: channels,
        batch: chunks,
      },
      tag,
    );
    program.dispatch(
      this.#context.kernel("gram_chunks_sum", { libs: ["linear_index"] }),
      { m: products, gram },
      { channels, chunks, accumulate: Number(first > 0), scale: 1 / (height * width) },
      linearGrid(channels ** 2 / 4 / 64),
      tag,
    );
  }
}
