/** 3x3 convolutions on the cpu family: input transform, copy, matrix products, copy, output transform, band by band. */
import type { GpuContext } from "../../gpu/context.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Program, Resource } from "../../gpu/program.ts";
import type { FeatureMap, LayerWeights, MapShape } from "../family.ts";
import { isDirect, recordDirect } from "./direct.ts";
import type { Finish, OutputMode } from "./finish.ts";
import { type GemmTile, gemmShader, MOST_DEPTH } from "./gemm-shader.ts";
import {
  type Band,
  bandsOf,
  inBlocks,
  type MatrixLayout,
  tileShape,
  tilesOf,
  workgroupOf,
} from "./layout.ts";
import type { CpuScratch } from "./scratch.ts";
import { copyFlat } from "./textures.ts";
import { inputTransformShader, outputTransformShader, POSITIONS, winogradLibs } from "./winograd-shaders.ts";

/** A batch of matrix products; see gemm-shader.ts. `rows` and `depth` are multiples of 4. */
export interface Product {
  readonly weights: Resource;
  readonly x: Resource;
  readonly y: GPUBuffer;
  /** How x and y are laid out. */
  readonly layout: (rows: number, columns: number) => MatrixLayout;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly batch: number;
  /**
   * At most so many columns a workgroup: another product's, whose kernels then serve this one, too. As many as fit when
   * not given.
   */
  readonly workgroup?: number;
  readonly strides: WeightStrides;
  /** The part of y to compute; all of it when not given. */
  readonly part?: Part;
}

/** Where the weights stand: texels from one to the next. 4x4 of them are four consecutive texels. */
export interface WeightStrides {
  /** The first. */
  readonly base: number;
  readonly batch: number;
  /** From four rows to the next. */
  readonly quad: number;
  /** From four depths to the next. */
  readonly depth: number;
  /** A texel is four depths of one row, not four rows of one depth. */
  readonly turned: boolean;
}

/** A rectangle of y: multiples of the tile's rows and of 16 columns. */
export interface Part {
  readonly firstRow: number;
  readonly rows: number;
  readonly firstColumn: number;
  readonly columns: number;
}

export class ConvolutionRecorder {
  readonly #context: GpuContext;
  readonly #program: Program;
  readonly #scratch: CpuScratch;

  constructor(context: GpuContext, program: Program, scratch: CpuScratch) {
    this.#context = context;
    this.#program = program;
    this.#scratch = scratch;
  }

  /** x -> y, a buffer of flat texels of `shape`; backward where `finish` isn't "forward". */
  record(
    x: FeatureMap,
    weights: LayerWeights,
    shape: MapShape,
    y: GPUBuffer,
    finish: Finish,
    tag: string,
  ): void {
    if (isDirect(weights.layer)) {
      recordDirect(this.#context, this.#program, this.#scratch, x, weights, shape, y, finish, tag);
      return;
    }
    const scratch = this.#scratch;
    const depth = x.shape.channels;
    const rows = shape.channels;
    const turned = finish.mode !== "forward";
    // As winograd_weights.wgsl has written them; on the way back rows are input channels.
    const strides = {
      base: 0,
      batch: (rows * depth) / 4,
      quad: turned ? 4 : depth,
      depth: turned ? rows : 4,
      turned,
    };
    for (const band of bandsOf(tilesOf(shape).count)) {
      const { columns } = band;
      this.#transformInput(x, band, turned, tag);
      copyFlat(
        this.#program,
        scratch.transforms,
        scratch.transformsTexture,
        (POSITIONS * depth * columns) / 4,
        `${tag} copy`,
      );
      const operands = {
        weights: weights.forward,
        strides,
        x: scratch.transformsTexture.view,
        y: scratch.products,
      };
      this.product({ ...operands, layout: inBlocks, rows, depth, columns, batch: POSITIONS }, tag);
      copyFlat(
        this.#program,
        scratch.products,
        scratch.productsTexture,
        (POSITIONS * rows * columns) / 4,
        `${tag} copy`,
      );
      this.#transformOutput(shape, y, band, finish, weights.bias, tag);
    }
  }

  /** Matrix products: one dispatch for each tile depth. */
  product(product: Product, tag: string): void {
    const { weights, strides, x, y, layout, rows, depth, columns, batch } = product;
    const { part = { firstRow: 0, rows, firstColumn: 0, columns } } = product;
    const [from, to] = [layout(depth, columns), layout(rows, columns)];
    const tile = tileShape(part.rows, depth);
    const workgroup = workgroupOf(part.columns, product.workgroup);
    const adds = tile.depth === MOST_DEPTH || depth > tile.depth; // of the longest, one kernel for all
    for (let first = 0; first < depth; first += tile.depth) {
      const kernel = this.#gemm({ ...tile, workgroup, adds });
      const params = {
        zero: 0,
        first_column: part.firstColumn,
        x_first: (first / 4) * from.quad,
        x_batch: from.batch,
        x_block: from.block,
        x_quad: from.quad,
        y_first: (part.firstRow / 4) * to.quad,
        y_batch: to.batch,
        y_block: to.block,
        y_quad: to.quad,
        w_first: strides.base + (first / 4) * strides.depth + (part.firstRow / 4) * strides.quad,
        w_batch: strides.batch,
        w_tile: (tile.rows / 4) * strides.quad,
        w_quad: strides.quad,
        w_depth: strides.depth,
        turned: Number(strides.turned),
        ...(adds && { accumulate: Number(first > 0) }),
      };
      const grid = [part.columns / workgroup, part.rows / tile.rows, batch] as const;
      this.#program.dispatch(kernel, { x, wt: weights, y }, params, grid, tag);
    }
  }

  #gemm(tile: GemmTile): Kernel {
    const label = `gemm ${tile.rows}x${tile.depth} ${tile.workgroup}${tile.adds ? " adding" : ""}`;
    return this.#context.generatedKernel(label, () => gemmShader(tile));
  }

  #transformInput(x: FeatureMap, band: Band, turned: boolean, tag: string): void {
    const channels4 = Math.ceil(x.shape.channels / 4);
    this.#program.dispatch(
      this.#context.generatedKernel("winograd input", inputTransformShader, winogradLibs),
      { x: x.resource, v: this.#scratch.transforms },
      {
        ...bandParams(x.shape, band, channels4),
        ...(turned ? { far: 5, step: 2 ** 32 - 1 } : { far: 0, step: 1 }),
      },
      [Math.ceil((channels4 * band.columns) / 64), 1, 1],
      tag,
    );
  }

  #transformOutput(
    shape: MapShape,
    y: GPUBuffer,
    band: Band,
    finish: Finish,
    bias: GPUBuffer,
    tag: string,
  ): void {
    const { mode, ...buffers } = finish;
    const channels4 = Math.ceil(shape.channels / 4);
    const { rows, pitch, height, width } = shape;
    this.#program.dispatch(
      this.#output(mode),
      { m: this.#scratch.productsTexture.view, y, ...buffers, ...(mode === "forward" && { bias }) },
      { ...bandParams(shape, band, channels4), rows, pitch, height, width, mask_tiles: tilesOf(shape).count },
      [Math.ceil((channels4 * band.columns) / 64), 1, 1],
      tag,
    );
  }

  #output(mode: OutputMode): Kernel {
    const text = () => outputTransformShader(mode);
    return this.#context.generatedKernel(`winograd output ${mode}`, text, winogradLibs);
  }
}

function bandParams(
  shape: MapShape,
  { firstTile, columns }: Band,
  channels4: number,
): Record<string, number> {
  const tiles = tilesOf(shape);
  const { batch, block } = inBlocks(4 * channels4, columns);
  return {
    zero: 0,
    last: channels4 * columns - 1,
    columns,
    inverse_columns: 1 / columns,
    first_tile: firstTile,
    last_tile: tiles.count - 1,
    tiles_x: tiles.x,
    inverse_tiles_x: 1 / tiles.x,
    stride: batch,
    block,
  };
}
