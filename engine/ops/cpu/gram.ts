/** Gram matrices on the cpu family: F F^T as a batch of matrix products over chunks of pixels, then their sum. */
import type { GpuContext } from "../../gpu/context.ts";
import { linearGrid, type Program } from "../../gpu/program.ts";
import { roundUp } from "../../numbers.ts";
import { featuresOf } from "../elementwise.ts";
import type { Activation } from "../family.ts";
import type { ConvolutionRecorder, Part } from "./convolution.ts";
import { GRAM_CHUNK, gramChunksIn, inRows } from "./layout.ts";
import type { CpuScratch } from "./scratch.ts";
import { BLOCK_COLUMNS } from "./text.ts";
import { copyFlat } from "./textures.ts";

export class Gram {
  readonly #context: GpuContext;
  readonly #program: Program;
  readonly #scratch: CpuScratch;
  readonly #products: ConvolutionRecorder;

  constructor(context: GpuContext, program: Program, scratch: CpuScratch, products: ConvolutionRecorder) {
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
    const { transforms, products, transformsTexture } = this.#scratch;
    const program = this.#program;
    const pixels = rows * pitch;
    const quads = (chunks * GRAM_CHUNK) / 4;
    const tag = `gram ${channels}`;
    program.dispatch(
      this.#context.kernel("gram_operand", { libs: ["linear_index", "fast_divide"] }),
      { x: featuresOf(x), xt: transforms },
      { channels, pixels, first_quad: (first * GRAM_CHUNK) / 4, quads, inverse_quads: 1 / quads },
      linearGrid((quads * channels) / 4 / 64),
      tag,
    );
    copyFlat(program, transforms, transformsTexture, quads * channels, `${tag} copy`);
    for (const part of upperParts(channels)) {
      // F itself is the left operand: four channels of a pixel are a texel. Beyond the last pixel the right one is
      // zero.
      const strides = { base: first * GRAM_CHUNK, batch: GRAM_CHUNK, quad: pixels, depth: 4, turned: false };
      const operands = { weights: featuresOf(x), x: transformsTexture.view, y: products, strides, part };
      const sizes = { rows: channels, depth: GRAM_CHUNK, columns: channels, batch: chunks, workgroup: 64 };
      this.#products.product({ ...operands, layout: inRows, ...sizes }, tag);
    }
    program.dispatch(
      this.#context.kernel("gram_chunks_sum", { libs: ["linear_index"] }),
      { m: products, gram },
      { channels, chunks, accumulate: Number(first > 0), scale: 1 / (height * width) },
      linearGrid(channels ** 2 / 4 / 64),
      tag,
    );
  }
}

/**
 * A symmetric matrix without about its lower left quarter; 64 columns, the narrowest that pays, are not taken apart.
 */
function upperParts(channels: number): readonly Part[] {
  const all = { firstRow: 0, rows: channels, firstColumn: 0, columns: channels };
  if (channels <= 64) return [all];
  const half = roundUp(channels / 2, BLOCK_COLUMNS);
  const rest = channels - half;
  return [
    { ...all, rows: half },
    { firstRow: half, rows: rest, firstColumn: half, columns: rest },
  ];
}
