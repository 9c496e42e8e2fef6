/**
 * The ways in which the gpu family computes a convolution: which kernels, with which tiles. Pure data.
 *
 * All of them read and write the same maps and masks, so each layer may have its own. Names are stable: what tuning
 * found is kept by them.
 */

import type { Verdict } from "../../gpu/context.ts";
import type { MatrixConfig } from "../../gpu/matrix-units.ts";
import type { Precision } from "../../gpu/precision.ts";
import { texelBytes } from "./layout.ts";
import { PRODUCT_BYTES } from "./scratch.ts";
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

/** How a kernel goes through the input channels. */
export interface Blocking {
  /** Blocks of input channels in workgroup memory: with two, one is written while another is read. */
  readonly stages: 1 | 2;
  /** Workgroups that share the input channels of a tile, and whose sums another kernel adds up. */
  readonly splits: 1 | 4;
}

/** `method`: what computes, whatever the tile. */
export type Variant = { readonly name: string; readonly method: string; readonly tile: Tile } & (
  | ({ readonly kind: "gemm"; readonly operand: Precision } & Blocking)
  | { readonly kind: "winograd"; readonly outputs: WinogradOutputs }
  | ({ readonly kind: "matrix"; readonly config: MatrixConfig } & Blocking)
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

const blockings: readonly Blocking[] = [
  { stages: 1, splits: 1 },
  { stages: 2, splits: 1 },
  { stages: 1, splits: 4 },
];

const blockingName = ({ stages, splits }: Blocking) =>
  `${stages === 2 ? "-double" : ""}${splits > 1 ? `-split${splits}` : ""}`;

/** Sums of halves are of few products (conv2d_gemm.wgsl), which adapters do twice as fast as f32's where they can. */
const gemms = (["f32", "f16"] as const).flatMap((operand) =>
  blockings.flatMap((blocking) =>
    tiles.map((tile) => {
      const method = operand === "f32" ? "gemm" : "gemm-f16";
      const name = `${method}-${tileName(tile)}${blockingName(blocking)}`;
      return { kind: "gemm", operand, method, name, tile, ...blocking } as const;
    }),
  ),
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
  { channels: 64, pixels: 32, texels: 0, run: 0 },
  { channels: 32, pixels: 64, texels: 0, run: 0 },
  { channels: 32, pixels: 32, texels: 0, run: 0 },
];

export const tileInvocations = ({ channels, pixels, texels, run }: Tile): number =>
  (channels / (4 * texels)) * (pixels / run);

/** Bytes of workgroup memory of conv2d_gemm.wgsl: 16 input channels of weights and pixels a stage, and the signs. */
export function gemmMemory({ channels, pixels }: Tile, operand: Precision, stages: number): number {
  return stages * texelBytes(operand) * 4 * (channels + pixels) + (channels / 8) * pixels;
}

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
  readonly adapterInfo: Pick<GPUAdapterInfo, "vendor">;
}

/** Nothing is known to be wrong, or quick, before a self-test. */
export const verdictOn = ({ precision }: Problem, { verdicts }: Pick<Capabilities, "verdicts">): Verdict =>
  verdicts.get(precision) ?? { wrong: [] };

/** The variants that can compute a convolution on an adapter, those that were found wrong there left out. */
export function variantsFor(problem: Problem, adapter: Capabilities): readonly Variant[] {
  const { wrong } = verdictOn(problem, adapter);
  const known = [...gemms, ...winograds, ...matrixVariants(adapter)];
  return known.filter(
    (variant) =>
      problem.outChannels % variant.tile.channels === 0 &&
      suits(variant, problem) &&
      fits(variant, adapter) &&
      !wrong.includes(variant.name) &&
      !wrong.includes(variant.method),
  );
}

function matrixVariants({ matrixConfigs }: Capabilities): readonly Variant[] {
  return matrixConfigs.flatMap((config) => {
    const { operand, m, n, k, subgroup, isAsked } = config;
    const method = `matrix-${operand}-${m}x${n}x${k}${isAsked ? `-subgroup${subgroup}` : ""}`;
    return blockings.flatMap((blocking) =>
      matrixTiles.map((tile): Variant => {
        const name = `${method}-${tile.channels}x${tile.pixels}${blockingName(blocking)}`;
        return { kind: "matrix", method, name, tile, config, ...blocking };
      }),
    );
  });
}

/** Workgroups that keep most GPUs busy. */
const ENOUGH_GROUPS = 128;

/** Whether a variant goes through the input channels in the plainest way. */
export const isPlain = (variant: Variant): boolean =>
  variant.kind === "winograd" || (variant.stages === 1 && variant.splits === 1);

/** A plain variant of each method, that with the most usual tile: what stands for all where time is short. */
export function oneOfEach(variants: readonly Variant[]): readonly Variant[] {
  const methods = new Map<string, Variant>();
  for (const variant of variants.filter(isPlain)) {
    const { channels, pixels } = variant.tile;
    if (!methods.has(variant.method) || (channels === 64 && pixels === 64))
      methods.set(variant.method, variant);
  }
  return [...methods.values()];
}

/** Bytes of the parts of sums that a variant splits. */
export const partsBytes = ({ splits }: Blocking, { outChannels, pixels }: Problem): number =>
  4 * splits * outChannels * pixels;

/** Whether a variant may compute a convolution. */
function suits(variant: Variant, problem: Problem): boolean {
  const { side, inChannels, precision } = problem;
  if (variant.kind === "winograd") return side === 3;
  const { kind, splits, tile } = variant;
  if (splits > 1) {
    const fills = groupsOf({ ...problem, tile }) >= 4 * ENOUGH_GROUPS;
    const depth = kind === "gemm" ? 16 : 32; // of a block
    if (fills || partsBytes(variant, problem) > PRODUCT_BYTES || inChannels % (depth * splits) !== 0)
      return false;
  }
  if (kind === "gemm") {
    const isUsual = variant.operand === "f32" && isPlain(variant);
    if (!isUsual && !isLarge(tile)) return false;
    return variant.operand === "f32" || (precision === "f16" && side === 3);
  }
  // Products of halves only where maps are stored so, and a style's gradient ends in one: rounding its matrix (side 1),
  // too, leaves the gradient's error what it was.
  return variant.config.operand === "f32" || precision === "f16";
}

const isLarge = ({ channels, pixels }: Tile) => channels * pixels >= 64 * 64;

function fits(variant: Variant, { limits, adapterInfo }: Capabilities): boolean {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = limits;
  const { tile } = variant;
  const invocations = variant.kind === "matrix" ? 4 * variant.config.subgroup : tileInvocations(tile);
  return (
    invocations <= Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX) &&
    memoryOf(variant) <= limits.maxComputeWorkgroupStorageSize &&
    (variant.kind !== "matrix" || fitsUnits(tile, variant.config, adapterInfo.vendor))
  );
}

function memoryOf(variant: Variant): number {
  if (variant.kind === "winograd") return gemmMemory(variant.tile, "f32", 1);
  if (variant.kind === "gemm") return gemmMemory(variant.tile, variant.operand, variant.stages);
  return matrixMemory(variant.tile, variant.config, variant.stages);
}

/**
 * Sums that an invocation can keep in registers, by vendor. NVIDIA's have 255; AMD's compiler has none to spill with
 * 64, and with 128 it has (docs/performance.md); Intel's with 16 invocations a subgroup have 64 to 128 in all.
 */
const MOST_SUMS: Readonly<Record<string, number>> = { nvidia: 128, intel: 32 };
const MOST_SUMS_ELSEWHERE = 64;

/** Whether a quarter of the tile is whole fragments, and each invocation loads whole columns of 32 channels. */
function fitsUnits({ channels, pixels }: Tile, { m, n, k, subgroup }: MatrixConfig, vendor: string): boolean {
  const invocations = 4 * subgroup;
  const isWhole = (channels / 2) % m === 0 && (pixels / 2) % n === 0 && 32 % k === 0 && m % 4 === 0;
  const loads = [invocations % pixels, (8 * channels) % invocations, (8 * pixels) % invocations];
  const sums = (channels * pixels) / invocations;
  return isWhole && loads.every((rest) => rest === 0) && sums <= (MOST_SUMS[vendor] ?? MOST_SUMS_ELSEWHERE);
}

/** Fragments that leave a subgroup of conv2d_matrix.wgsl at once: of a row, as many as are 256 sums. */
export const matrixBatch = ({ pixels }: Tile, { m, n }: MatrixConfig): number =>
  Math.max(1, Math.min(pixels / 2 / n, 256 / (m * n)));

/** Bytes of workgroup memory of conv2d_matrix.wgsl: operands, two batches of sums for each subgroup, signs. */
export function matrixMemory(tile: Tile, config: MatrixConfig, stages: number): number {
  const { channels, pixels } = tile;
  const values = stages * (32 * (channels + 8) + pixels * (32 + 8));
  const sums = 2 * 4 * matrixBatch(tile, config) * config.m * config.n;
  return texelBytes(config.operand) * (values / 4) + 4 * sums + (channels / 8) * pixels;
}

type Sized = Pick<Problem, "outChannels" | "pixels"> & Pick<Variant, "tile">;

const groupsOf = ({ outChannels, pixels, tile }: Sized): number =>
  (outChannels / tile.channels) * Math.ceil(pixels / tile.pixels);

/**
 * How far a variant is from as many workgroups as a GPU wants, as a power of two; ways that promise less, where all
 * else is equal, are a little further.
 */
export function fitness(problem: Problem, variant: Variant): number {
  const { outputs, splits, stages } = { outputs: 1, splits: 1, stages: 1, ...variant };
  const groups = groupsOf({ ...problem, tile: variant.tile }) * splits;
  const products = variant.kind === "winograd" ? (outputs + 2) ** 2 / outputs ** 2 : 1;
  const away = Math.log2((groups * products) / (4 * ENOUGH_GROUPS));
  return Math.abs(Math.min(away, 0)) + Math.max(away, 0) / 8 + (stages - 1) / 4 + (splits - 1) / 8;
}

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
  const onMatrixUnits = possible.filter((variant) => variant.method === matrix && isPlain(variant));
  if (onMatrixUnits.length > 0) {
    return (
      onMatrixUnits.find(({ tile }) => groupsOf({ ...problem, tile }) >= ENOUGH_GROUPS) ??
      onMatrixUnits.at(-1)!
    );
  }
  const plain = usual.flatMap(([name, groups]) => {
    const variant = possible.find((one) => one.name === name);
    return variant ? [{ variant, groups }] : [];
  });
  const chosen =
    plain.find(({ variant: { tile }, groups }) => groupsOf({ ...problem, tile }) >= groups) ?? plain.at(-1);
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
