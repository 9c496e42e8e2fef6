/**
 * The ways in which the gpu family computes a convolution: which kernels, with which tiles. Pure data.
 *
 * All of them read and write the same maps and masks, so each layer may have its own. Names are stable: what tuning
 * found is kept by them.
 */

import type { Verdict } from "../../gpu/context.ts";
import type { MatrixConfig } from "../../gpu/matrix-units.ts";
import type { Precision } from "../../gpu/precision.ts";
import type { WinogradOutputs } from "./weights.ts";

/**
 * Sizes of conv2d_gemm.wgsl: a workgroup computes `channels` x `pixels`, an invocation 4 * `texels` x `run` of them.
 */
export interface Tile {
  readonly channels: number;
  readonly pixels: number;
  readonly texels: number;
  readonly run: number;
}

/** `method`: what computes, whatever the tile. */
export type Variant = { readonly name: string; readonly method: string; readonly tile: Tile } & (
  | { readonly kind: "gemm" }
  | { readonly kind: "winograd"; readonly outputs: WinogradOutputs }
  | { readonly kind: "matrix"; readonly config: MatrixConfig }
);

/** Tiles from the largest to the smallest: fewer reads for each product, or more workgroups. */
const tiles: readonly Tile[] = [
  { channels: 128, pixels: 128, texels: 2, run: 8 },
  { channels: 64, pixels: 128, texels: 2, run: 8 },
  { channels: 64, pixels: 128, texels: 2, run: 4 },
  { channels: 128, pixels: 64, texels: 2, run: 4 },
  { channels: 64, pixels: 64, texels: 2, run: 4 },
  { channels: 32, pixels: 64, texels: 1, run: 4 },
  { channels: 32, pixels: 32, texels: 1, run: 4 },
];

const tileName = ({ channels, pixels, texels, run }: Tile) => `${channels}x${pixels}-${4 * texels}x${run}`;

const gemms = tiles.map(
  (tile) => ({ kind: "gemm", method: "gemm", name: `gemm-${tileName(tile)}`, tile }) as const,
);

/** Winograd's products are many at once, so that large tiles leave no GPU idle. */
const winogradTiles = tiles.filter(({ channels, pixels }) => channels * pixels >= 64 * 64);
const winograds = ([2, 4] as const).flatMap((outputs) =>
  winogradTiles.map((tile) => {
    const method = `winograd${outputs}`;
    return { kind: "winograd", outputs, method, name: `${method}-${tileName(tile)}`, tile } as const;
  }),
);

/** Of the matrix units; `texels` and `run` are up to them. */
const matrixTiles: readonly Tile[] = [
  { channels: 128, pixels: 128, texels: 0, run: 0 },
  { channels: 64, pixels: 128, texels: 0, run: 0 },
  { channels: 64, pixels: 64, texels: 0, run: 0 },
  { channels: 32, pixels: 32, texels: 0, run: 0 },
];

export const tileInvocations = ({ channels, pixels, texels, run }: Tile): number =>
  (channels / (4 * texels)) * (pixels / run);

/** Bytes of workgroup memory: 16 input channels of weights and pixels, and the signs. */
export const tileMemory = ({ channels, pixels }: Tile): number =>
  4 * 16 * (channels + pixels) + (channels / 8) * pixels;

/** What decides which variants can compute a convolution, and which is best. */
export interface Problem {
  /** 3: zero padding 1. 1: a matrix product. */
  readonly side: 1 | 3;
  readonly direction: "forward" | "backward";
  readonly inChannels: number;
  readonly outChannels: number;
  /** Of a map: height * width. */
  readonly pixels: number;
  /** Of maps, and of weights where `side` is 3. */
  readonly precision: Precision;
}

/** Maps of more pixels are like maps of 2^18: they fill any GPU. */
const MAX_EXPONENT = 18;

/** log2 of the pixels of the maps that a problem is timed with: those of about its size. */
export const problemExponent = ({ pixels }: Problem): number =>
  Math.min(MAX_EXPONENT, Math.round(Math.log2(pixels)));

/** The key in `GpuContext.choices` of all problems that are answered alike. */
export function problemKey(problem: Problem): string {
  const { side, direction, inChannels, outChannels, precision } = problem;
  return `${direction} ${side}x${side} ${inChannels}-${outChannels} 2^${problemExponent(problem)} ${precision}`;
}

/** What variants depend on; a `GpuContext` has it. */
export interface Capabilities {
  readonly limits: Pick<
    GPUSupportedLimits,
    "maxComputeInvocationsPerWorkgroup" | "maxComputeWorkgroupSizeX" | "maxComputeWorkgroupStorageSize"
  >;
  readonly matrixConfigs: readonly MatrixConfig[];
  readonly verdicts: ReadonlyMap<string, Verdict>; // by precision
}

/** Nothing is known to be wrong, or quick, before a self-test. */
export const verdictOn = ({ precision }: Problem, { verdicts }: Pick<Capabilities, "verdicts">): Verdict =>
  verdicts.get(precision) ?? { wrong: [] };

/** The variants that can compute a convolution on an adapter, those that were found wrong there left out. */
export function variantsFor(problem: Problem, adapter: Capabilities): readonly Variant[] {
  const { limits } = adapter;
  const { wrong } = verdictOn(problem, adapter);
  const known = [...gemms, ...(problem.side === 3 ? winograds : []), ...matrixVariants(problem, adapter)];
  return known.filter(
    (variant) =>
      problem.outChannels % variant.tile.channels === 0 &&
      fits(variant, limits) &&
      !wrong.includes(variant.name) &&
      !wrong.includes(variant.method),
  );
}

/**
 * Products on matrix units: each subgroup computes a quarter of the tile. Those of halves only where maps are stored
 * so, and a style's gradient ends in one: rounding its matrix (side 1), too, leaves the gradient's error what it was.
 */
function matrixVariants({ precision }: Problem, { matrixConfigs }: Capabilities): readonly Variant[] {
  const allowed = matrixConfigs.filter(({ operand }) => operand === "f32" || precision === "f16");
  return allowed.flatMap((config) =>
    matrixTiles.filter((tile) => suits(tile, config)).map(matrixVariant(config)),
  );
}

function matrixVariant(config: MatrixConfig): (tile: Tile) => Variant {
  const { operand, m, n, k } = config;
  const method = `matrix-${operand}-${m}x${n}x${k}`;
  return (tile) => {
    return { kind: "matrix", method, name: `${method}-${tile.channels}x${tile.pixels}`, tile, config };
  };
}

/** Whether a quarter of the tile is whole fragments, and each invocation loads whole columns of 32 channels. */
function suits({ channels, pixels }: Tile, { m, n, k, subgroup }: MatrixConfig): boolean {
  const isWhole = (channels / 2) % m === 0 && (pixels / 2) % n === 0 && 32 % k === 0 && m % 4 === 0;
  return isWhole && (4 * subgroup) % pixels === 0 && (8 * channels) % (4 * subgroup) === 0;
}

function fits(variant: Variant, limits: Capabilities["limits"]): boolean {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = limits;
  const isMatrix = variant.kind === "matrix";
  const invocations = isMatrix ? 4 * variant.config.subgroup : tileInvocations(variant.tile);
  const memory = isMatrix ? matrixMemory(variant.tile, variant.config) : tileMemory(variant.tile);
  return (
    invocations <= Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX) &&
    memory <= limits.maxComputeWorkgroupStorageSize
  );
}

/** Bytes of workgroup memory of conv2d_matrix.wgsl: operands, a fragment of sums for each subgroup, signs. */
export function matrixMemory({ channels, pixels }: Tile, { operand, m, n }: MatrixConfig): number {
  const values = 32 * (channels + 8) + pixels * (32 + 8);
  return (operand === "f16" ? 2 : 4) * values + 4 * 4 * m * n + (channels / 8) * pixels;
}

/** Workgroups that keep most GPUs busy. */
const ENOUGH_GROUPS = 128;

const groupsOf = ({ outChannels, pixels }: Problem, { tile }: Variant): number =>
  (outChannels / tile.channels) * Math.ceil(pixels / tile.pixels);

/** Tiles of plain kernels from the largest to the smallest, and how many workgroups of each are worth it. */
const usual: readonly (readonly [name: string, groups: number])[] = [
  ["gemm-64x128-8x8", 4 * ENOUGH_GROUPS], // more products for each value read, and fewer invocations to wait with
  ["gemm-64x128-8x4", ENOUGH_GROUPS],
  ["gemm-64x64-8x4", ENOUGH_GROUPS],
  ["gemm-32x64-4x4", ENOUGH_GROUPS],
  ["gemm-32x32-4x4", 0],
];

/**
 * What is used where nothing was tuned: matrix units where the self-test chose them, else plain kernels; large tiles,
 * and smaller ones where those would leave a GPU idle.
 */
export function defaultVariant(problem: Problem, adapter: Capabilities): Variant {
  const possible = variantsFor(problem, adapter);
  const { matrix } = verdictOn(problem, adapter);
  const onMatrixUnits = possible.filter(({ method }) => method === matrix);
  if (onMatrixUnits.length > 0) {
    return (
      onMatrixUnits.find((variant) => groupsOf(problem, variant) >= ENOUGH_GROUPS) ?? onMatrixUnits.at(-1)!
    );
  }
  const plain = usual.flatMap(([name, groups]) => {
    const variant = possible.find((one) => one.name === name);
    return variant ? [{ variant, groups }] : [];
  });
  const chosen = plain.find(({ variant, groups }) => groupsOf(problem, variant) >= groups) ?? plain.at(-1);
  return chosen?.variant ?? gemms.at(-1)!;
}

/** Maps of up to so many times as many pixels, as a power of two, or so many times fewer, are alike. */
const NEAR = 2;

/** What was chosen for the shape, or for the nearest with another number of pixels. */
function choiceFor(problem: Problem, choices: ReadonlyMap<string, string>): string | undefined {
  const own = problemExponent(problem);
  for (let distance = 0; distance <= NEAR; distance++) {
    for (const exponent of [own + distance, own - distance]) {
      const name = choices.get(problemKey({ ...problem, pixels: 2 ** exponent }));
      if (name !== undefined && exponent <= MAX_EXPONENT) return name;
    }
  }
  return undefined;
}

/** The variant that a convolution is computed in: the chosen one where the adapter can, else the default. */
export function chosenVariant(
  problem: Problem,
  adapter: Capabilities & { readonly choices: ReadonlyMap<string, string> },
): Variant {
  const chosen = choiceFor(problem, adapter.choices);
  const variant = variantsFor(problem, adapter).find(({ name }) => name === chosen);
  return variant ?? defaultVariant(problem, adapter);
}
