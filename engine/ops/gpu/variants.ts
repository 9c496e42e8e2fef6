/**
 * The ways in which the gpu family computes a convolution: which kernels, with which tiles. Pure data.
 *
 * All of them read and write the same maps and masks, so each layer may have its own. Names are stable: what tuning found is kept by them.
 */

import type { WinogradOutputs } from "./weights.ts";

/** Sizes of conv2d_gemm.wgsl: a workgroup computes `channels` x `pixels`, an invocation 4 * `texels` x `run` of them. */
export interface Tile {
  readonly channels: number;
  readonly pixels: number;
  readonly texels: number;
  readonly run: number;
}

export type Variant = { readonly name: string; readonly tile: Tile } & (
  | { readonly kind: "gemm" }
  | { readonly kind: "winograd"; readonly outputs: WinogradOutputs }
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

const gemms = tiles.map((tile) => ({ kind: "gemm", name: `gemm-${tileName(tile)}`, tile }) as const);

/** Winograd's products are many at once, so that large tiles leave no GPU idle. */
const winogradTiles = tiles.filter(({ channels, pixels }) => channels * pixels >= 64 * 64);
const winograds = ([2, 4] as const).flatMap((outputs) =>
  winogradTiles.map(
    (tile) => ({ kind: "winograd", outputs, name: `winograd${outputs}-${tileName(tile)}`, tile }) as const,
  ),
);

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
}

/** Maps of more pixels are like maps of 2^18: they fill any GPU. */
const MAX_EXPONENT = 18;

/** log2 of the pixels of the maps that a problem is timed with: those of about its size. */
export const problemExponent = ({ pixels }: Problem): number =>
  Math.min(MAX_EXPONENT, Math.round(Math.log2(pixels)));

/** The key in `GpuContext.choices` of all problems that are answered alike. */
export function problemKey(problem: Problem): string {
  const { side, direction, inChannels, outChannels } = problem;
  return `${direction} ${side}x${side} ${inChannels}-${outChannels} 2^${problemExponent(problem)}`;
}

type Limits = Pick<
  GPUSupportedLimits,
  "maxComputeInvocationsPerWorkgroup" | "maxComputeWorkgroupSizeX" | "maxComputeWorkgroupStorageSize"
>;

/** The variants that can compute a convolution on an adapter with these limits. */
export function variantsFor(problem: Problem, limits: Limits): readonly Variant[] {
  const known: readonly Variant[] = problem.side === 3 ? [...gemms, ...winograds] : gemms;
  return known.filter(({ tile }) => problem.outChannels % tile.channels === 0 && fits(tile, limits));
}

function fits(tile: Tile, limits: Limits): boolean {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = limits;
  return (
    tileInvocations(tile) <= Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX) &&
    tileMemory(tile) <= limits.maxComputeWorkgroupStorageSize
  );
}

/** Workgroups that keep most GPUs busy. */
const ENOUGH_GROUPS = 128;

/** What is used where nothing was tuned: tiles of 64 x 128, smaller ones where that would leave a GPU idle. */
export function defaultVariant({ outChannels, pixels }: Problem): Variant {
  const order = ["gemm-64x128-8x4", "gemm-64x64-8x4", "gemm-32x64-4x4", "gemm-32x32-4x4"];
  const candidates = order.map((name) => gemms.find((variant) => variant.name === name)!);
  const groups = ({ tile }: Variant) => (outChannels / tile.channels) * Math.ceil(pixels / tile.pixels);
  return candidates.find((variant) => groups(variant) >= ENOUGH_GROUPS) ?? candidates.at(-1)!;
}

/** The variant that a convolution is computed in: the chosen one where the adapter can, else the default. */
export function chosenVariant(
  problem: Problem,
  { choices, limits }: { readonly choices: ReadonlyMap<string, string>; readonly limits: Limits },
): Variant {
  const chosen = choices.get(problemKey(problem));
  const variant = variantsFor(problem, limits).find(({ name }) => name === chosen);
  return variant ?? defaultVariant(problem);
}
