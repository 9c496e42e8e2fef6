/** How the cpu family lays out maps, tiles and matrix products. Pure arithmetic. */
import { roundUp } from "../../numbers.ts";
import type { Size } from "../../picture.ts";
import type { Storage } from "../elementwise.ts";
import type { MapShape } from "../family.ts";
import { MOST_DEPTH } from "./gemm-shader.ts";
import { BLOCK_COLUMNS } from "./text.ts";
import { POSITIONS } from "./winograd-shaders.ts";

/** Tiles transformed and multiplied at a time: their transforms stay in the last-level cache. */
const BAND_TILES = 512;

/** Rows and depth of the matrix product's tiles. */
export interface TileShape {
  readonly rows: number;
  readonly depth: number;
}

/** Tiles for a product of `rows` x `depth`; multiples of 16, or 4 for a picture's channels. */
export function tileShape(rows: number, depth: number): TileShape {
  if (rows === 4) return { rows, depth: largestDivisor(depth, 64) };
  const most = depth <= 64 ? 64 : 32;
  return {
    rows: [64, 32, 16].find((n) => n <= most && rows % n === 0)!,
    depth: largestDivisor(depth, MOST_DEPTH),
  };
}

/**
 * The largest of `most`, `most` - 16, ... that divides n, a multiple of 16; n itself where it is no more than `most`.
 */
function largestDivisor(n: number, most: number): number {
  let divisor = Math.min(n, most);
  while (n % divisor !== 0) divisor -= 16;
  return divisor;
}

/** The size of a map: whole 4x4 tiles, and rows of a multiple of 16 texels, which copies to textures demand. */
export function mapShape(channels: number, height: number, width: number): MapShape {
  return { channels, height, width, rows: roundUp(height, 4), pitch: roundUp(width, 16) };
}

/** 4x4 tiles that cover a map. */
export function tilesOf({ height, width }: Size) {
  const x = Math.ceil(width / 4);
  const y = Math.ceil(height / 4);
  return { x, y, count: x * y };
}

/** How the kernels that both families share read what this one stores. */
export const cpuStorage: Storage = {
  texel: "texel_f32",
  x: "x_texture",
  map: "map_texture",
  features: "features_texture",
  mask: "mask_tiles",
  weight: "weight_quads",
  maskParams(shape) {
    const tiles = tilesOf(shape);
    return { mask_tiles: tiles.count, tiles_x: tiles.x };
  },
};

/** Where a batch of matrices stands whose texels are four rows of a column: texels from one to the next. */
export interface MatrixLayout {
  readonly batch: number;
  /** From 16 columns to the next 16; a column is next to the one before. */
  readonly block: number;
  /** From four rows to the next four. */
  readonly quad: number;
}

/** [batch][rows/4][columns]. */
export const inRows = (rows: number, columns: number): MatrixLayout => ({
  batch: (rows / 4) * columns,
  block: BLOCK_COLUMNS,
  quad: columns,
});

/** [batch][columns/16][rows/4][16]: what 16 invocations read or write in turn is one piece of memory. */
export const inBlocks = (rows: number, columns: number): MatrixLayout => ({
  batch: (rows / 4) * columns,
  block: (rows / 4) * BLOCK_COLUMNS,
  quad: BLOCK_COLUMNS,
});

/** A run of tiles that go through the transforms and the product together. */
export interface Band {
  readonly firstTile: number;
  /** Tiles, padded to whole workgroups. */
  readonly columns: number;
}

export function bandsOf(tiles: number): readonly Band[] {
  const bands: Band[] = [];
  for (let firstTile = 0; firstTile < tiles; firstTile += BAND_TILES) {
    const count = Math.min(BAND_TILES, tiles - firstTile);
    bands.push({ firstTile, columns: roundUp(count, workgroupFor(count)) });
  }
  return bands;
}

/** Extra columns' worth of time that a workgroup spends on staging its weights. */
const STAGING = 11;

/** The largest workgroup of at most `most` invocations that divides `columns`, as bands are padded to. */
export function workgroupOf(columns: number, most = 256): number {
  return [256, 64, 16].find((size) => size <= most && columns % size === 0)!;
}

/** Invocations a workgroup that waste the least on `columns`: on padding when large, on staging weights when small. */
export function workgroupFor(columns: number): number {
  const cost = (size: number) => Math.ceil(columns / size) * (size + STAGING);
  return [256, 64, 16].reduce((best, size) => (cost(size) < cost(best) ? size : best));
}

/** Texels that the transforms of one band of any of these convolutions need at most. */
export function bandTexels(convs: readonly (Size & { readonly channels: number })[]): number {
  const sizes = convs.map(({ channels, height, width }) => {
    const columns = Math.max(...bandsOf(tilesOf({ height, width }).count).map((band) => band.columns));
    return (POSITIONS * roundUp(channels, 4) * columns) / 4;
  });
  return Math.max(...sizes);
}

/** Pixels of a chunk of a Gram product: the depth of a tile. */
export const GRAM_CHUNK = 256;

/** How many chunks of a Gram product fit in `texels` texels of operands and of products. */
export function gramChunksIn(texels: number, channels: number): number {
  const operand = (GRAM_CHUNK / 4) * channels;
  const product = (channels / 4) * channels;
  return Math.floor(texels / Math.max(operand, product));
}
