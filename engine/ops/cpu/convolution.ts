/** 3x3 convolutions on the cpu family: input transform, copy, matrix products, copy, output transform, band by band. */
import type { GpuContext } from "../../gpu/context.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Program, Resource } from "../../gpu/program.ts";
import type { FeatureMap, MapShape } from "../family.ts";
import { blockRows, type GemmTile, gemmShader } from "./gemm-shader.ts";
import { type Band, bandsOf, roundUp, type TileShape, tileShape, tilesOf, workgroupOf } from "./layout.ts";
import type { Scratch } from "./scratch.ts";
import { copyFlat } from "./textures.ts";
import {
  inputTransformShader,
  type OutputMode,
  outputTransformShader,
  POSITIONS,
} from "./winograd-shaders.ts";

/** What becomes of the outputs, with the buffers it takes. See `OutputMode`. */
export type Finish =
  | { readonly mode: "forward"; readonly bias: GPUBuffer; readonly mask: GPUBuffer }
  | { readonly mode: "plain" }
  | { readonly mode: "masked"; readonly mask: GPUBuffer }
  | { readonly mode: "masked-add"; readonly mask: GPUBuffer; readonly d: Resource };

/** A batch of matrix products; see gemm-shader.ts. `rows` and `depth` are multiples of 4. */
export interface Product {
  readonly weights: Resource;
  readonly x: Resource;
  readonly y: GPUBuffer;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly batch: number;
  /** Where the weights stand; tile after tile, as winograd_weights.wgsl writes them, when not given. */
  readonly strides?: WeightStrides;
  /** The part of y to compute; all of it when not given. */
  readonly part?: Part;
}

/** Texels of weights from one to the next. */
export interface WeightStrides {
  readonly w_first: number;
  readonly w_batch: number;
  readonly w_tile: number;
  /** From 16 rows of a tile to the next. */
  readonly w_block: number;
  readonly w_depth: number;
  /** From four rows to the next. */
  readonly w_quad: number;
}

/** A rectangle of y: multiples of the tile's rows and of 16 columns. */
export interface Part {
  readonly firstRow: number;
  readonly rows: number;
  readonly firstColumn: number;
  readonly columns: number;
}

export class Convolution {
  readonly #context: GpuContext;
  readonly #program: Program;
  readonly #scratch: Scratch;

  constructor(context: GpuContext, program: Program, scratch: Scratch) {
    this.#context = context;
    this.#program = program;
    this.#scratch = scratch;
  }

  /** x -> y, a buffer of flat texels of `shape`. */
  record(x: FeatureMap, weights: Resource, shape: MapShape, y: GPUBuffer, finish: Finish, tag: string): void {
    const scratch = this.#scratch;
    const depth = roundUp(x.shape.channels, 4);
    const rows = roundUp(shape.channels, 4);
    for (const band of bandsOf(tilesOf(shape).count)) {
      const { columns } = band;
      this.#transformInput(x, band, tag);
      copyFlat(
        this.#program,
        scratch.transforms,
        scratch.transformsTexture,
        (POSITIONS * depth * columns) / 4,
        `${tag} copy`,
      );
      const input = { weights, x: scratch.transformsTexture.view, y: scratch.products };
      this.product({ ...input, rows, depth, columns, batch: POSITIONS }, tag);
      copyFlat(
        this.#program,
        scratch.products,
        scratch.productsTexture,
        (POSITIONS * rows * columns) / 4,
        `${tag} copy`,
      );
      this.#transformOutput(shape, y, band, finish, tag);
    }
  }

  /** Matrix products: one dispatch for each tile depth. */
  product(product: Product, tag: string): void {
    const { weights, x, y, rows, depth, columns, batch } = product;
    const { part = { firstRow: 0, rows, firstColumn: 0, columns } } = product;
    const tile = tileShape(rows, depth);
    const workgroup = workgroupOf(part.columns);
    for (let first = 0; first < depth; first += tile.depth) {
      const kernel = this.#gemm({ ...tile, accumulate: first > 0, workgroup });
      const params = {
        zero: 0,
        columns,
        depth4: depth / 4,
        rows4: rows / 4,
        first_row4: part.firstRow / 4,
        first_column: part.firstColumn,
        first_depth4: first / 4,
        ...(product.strides ?? tileStrides(tile, rows, depth, first)),
      };
      const grid = [part.columns / workgroup, part.rows / tile.rows, batch] as const;
      this.#program.dispatch(kernel, { x, wt: weights, y }, params, grid, tag);
    }
  }

  #gemm(tile: GemmTile): Kernel {
    const label = `gemm ${tile.rows}x${tile.depth}${tile.accumulate ? "+" : ""} ${tile.workgroup}`;
    return this.#context.generatedKernel(label, () => gemmShader(tile));
  }

  #transformInput(x: FeatureMap, band: Band, tag: string): void {
    const channels4 = Math.ceil(x.shape.channels / 4);
    this.#program.dispatch(
      this.#context.generatedKernel("winograd input", inputTransformShader, ["fast_divide"]),
      { x: x.resource, v: this.#scratch.transforms },
      bandParams(x.shape, band, channels4),
      [Math.ceil((channels4 * band.columns) / 64), 1, 1],
      tag,
    );
  }

  #transformOutput(shape: MapShape, y: GPUBuffer, band: Band, finish: Finish, tag: string): void {
    const { mode, ...buffers } = finish;
    const channels4 = Math.ceil(shape.channels / 4);
    const { rows, pitch, height, width } = shape;
    this.#program.dispatch(
      this.#output(mode),
      { m: this.#scratch.productsTexture.view, y, ...buffers },
      { ...bandParams(shape, band, channels4), rows, pitch, height, width, mask_tiles: tilesOf(shape).count },
      [Math.ceil((channels4 * band.columns) / 64), 1, 1],
      tag,
    );
  }

  #output(mode: OutputMode): Kernel {
    return this.#context.generatedKernel(`winograd output ${mode}`, () => outputTransformShader(mode), [
      "fast_divide",
    ]);
  }
}

/** Of [z][row tile][depth tile][block][depth][rows of a block]. */
function tileStrides(tile: TileShape, rows: number, depth: number, first: number): WeightStrides {
  const block = blockRows(tile.rows) / 4;
  return {
    w_first: (tile.rows * first) / 4,
    w_batch: (rows * depth) / 4,
    w_tile: (tile.rows * depth) / 4,
    w_block: block * tile.depth,
    w_depth: block,
    w_quad: 1,
  };
}

function bandParams(
  shape: MapShape,
  { firstTile, columns }: Band,
  channels4: number,
): Record<string, number> {
  const tiles = tilesOf(shape);
  return {
    zero: 0,
    last: channels4 * columns - 1,
    columns,
    inverse_columns: 1 / columns,
    first_tile: firstTile,
    last_tile: tiles.count - 1,
    tiles_x: tiles.x,
    inverse_tiles_x: 1 / tiles.x,
    stride: channels4 * columns,
  };
}
