/** Style and content losses on the cpu family: their values to the sinks, their gradient on the features. */
import type { Arena } from "../../gpu/arena.ts";
import type { Program } from "../../gpu/program.ts";
import { type Elementwise, featuresOf } from "../elementwise.ts";
import type { Activation, LayerLosses, StyleTerm } from "../family.ts";
import type { ConvolutionRecorder } from "./convolution.ts";
import type { Gram } from "./gram.ts";
import { inRows, tilesOf, workgroupFor } from "./layout.ts";
import { copyFlat, flatTexture } from "./textures.ts";

export class Losses {
  readonly #program: Program;
  readonly #arena: Arena;
  readonly #gram: Gram;
  readonly #products: ConvolutionRecorder;
  readonly #elementwise: Elementwise;

  constructor(
    program: Program,
    arena: Arena,
    gram: Gram,
    products: ConvolutionRecorder,
    elementwise: Elementwise,
  ) {
    this.#program = program;
    this.#arena = arena;
    this.#gram = gram;
    this.#products = products;
    this.#elementwise = elementwise;
  }

  /** Gradient of the losses on an activation's values to d: flat texels of its shape. There is one of the two. */
  gradient(x: Activation, { style, content }: LayerLosses, d: GPUBuffer): void {
    if (style) this.#style(x, style, d);
    if (content) this.#elementwise.contentLoss(x, content, d, style !== undefined);
  }

  #style(x: Activation, style: StyleTerm, d: GPUBuffer): void {
    const { channels, rows, pitch } = x.shape;
    const tag = `style ${channels}`;
    const gram = this.#arena.buffer("gram", 4 * channels ** 2);
    const e = this.#arena.buffer("style gradient", 4 * channels ** 2);
    const weights = flatTexture(this.#arena, "style gradient", channels ** 2 / 4);
    this.#gram.record(x, gram);
    this.#elementwise.styleLoss(x.shape, gram, style, e);
    copyFlat(this.#program, e, weights, channels ** 2 / 4, `${tag} copy`);
    const strides = { base: 0, batch: 0, quad: channels, depth: 4, turned: false };
    const operands = { weights: weights.view, strides, x: featuresOf(x), y: d };
    const sizes = { rows: channels, depth: channels, columns: rows * pitch, batch: 1 };
    const workgroup = workgroupFor(tilesOf(x.shape).count); // as the convolutions of this size
    this.#products.product({ ...operands, layout: inRows, ...sizes, workgroup }, tag);
  }
}
