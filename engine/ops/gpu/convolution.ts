/**
 * Convolutions on the gpu family: dispatches conv2d_gemm.wgsl, conv2d_matrix.wgsl, conv2d_winograd_*.wgsl,
 * conv_input.wgsl and conv_input_backward.wgsl.
 */
import type { GpuContext } from "../../gpu/context.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import { matrixDirectives } from "../../gpu/matrix-units.ts";
import type { Precision } from "../../gpu/precision.ts";
import { linearGrid, type Program } from "../../gpu/program.ts";
import { USUAL_OPERATIONS } from "../../gpu/submission.ts";
import { triple } from "../../gpu/wgsl.ts";
import type { Preprocessing } from "../../network/types.ts";
import type { FeatureMap, LayerWeights, MapShape } from "../family.ts";
import { maskWords } from "./layout.ts";
import type { GpuScratch } from "./scratch.ts";
import {
  type Blocking,
  chosenVariant,
  matrixBatch,
  type Problem,
  partsBytes,
  type Tile,
  type Variant,
} from "./variants.ts";
import { type DirectedWeights, winogradPositions } from "./weights.ts";

/**
 * What happens to the sums of a convolution. `forward`: bias, ReLU, and the ReLU's signs to `mask`; `plain`: nothing;
 * `masked`: times the mask of the map; `added`: that, plus what `y` held before.
 */
export type Finish =
  | { readonly mode: "forward"; readonly bias: GPUBuffer; readonly mask: GPUBuffer }
  | { readonly mode: "plain" }
  | { readonly mode: "masked" | "added"; readonly mask: GPUBuffer };

export type Convolution = {
  readonly x: FeatureMap;
  readonly y: GPUBuffer;
  readonly shape: MapShape;
  readonly finish: Finish;
} & (
  | { readonly side: 3; readonly weights: DirectedWeights } // zero padding 1
  | { readonly side: 1; readonly weights: GPUBuffer } // a matrix product: [channels of x][channels of y] f32
);

/** Where convolutions of one picture size are recorded. */
export interface Recording {
  readonly context: GpuContext;
  readonly program: Program;
  readonly scratch: GpuScratch;
  /** Of maps. */
  readonly precision: Precision;
}

/** Records y = finish(weights * x), in the variant that was tuned for the shape, or a sensible one. */
export function recordConvolution(recording: Recording, convolution: Convolution, tag: string): void {
  const problem = problemOf(convolution, recording.precision);
  recordVariant(recording, convolution, chosenVariant(problem, recording.context), tag);
}

/** The same in a given variant. */
export function recordVariant(
  recording: Recording,
  convolution: Convolution,
  variant: Variant,
  tag: string,
): void {
  if (variant.kind !== "winograd") {
    recordGemm(recording, convolution, variant, tag);
  } else if (convolution.side === 3) {
    recordWinograd(recording, convolution, convolution.weights, variant, tag);
  } else {
    throw new Error("Expected a convolution of 3x3 for Winograd but received a product.");
  }
}

function recordGemm(
  recording: Recording,
  convolution: Convolution,
  variant: Exclude<Variant, { kind: "winograd" }>,
  tag: string,
): void {
  if (variant.splits === 1) {
    recordProducts(recording, convolution, variant, convolution.y, 1, tag);
    return;
  }
  const { context, program, scratch, precision } = recording;
  const { shape, y, finish } = convolution;
  const parts = scratch.products(partsBytes(variant, problemOf(convolution, precision)));
  recordProducts(
    recording,
    { ...convolution, finish: { mode: "plain" } },
    variant,
    parts,
    variant.splits,
    tag,
  );
  const { libs, resources } = finishParts(finish);
  const { height, width, channels, pitch } = shape;
  program.dispatch(
    context.kernel("conv2d_split_sum", {
      libs: [`texel_${precision}`, "signs", ...libs],
      constants: { SPLITS: variant.splits },
    }),
    { m: parts, y, ...resources },
    { height, width, y_pitch: pitch, mask_tiles: maskWords(shape) },
    [Math.ceil((height * width) / 32), channels / 32, 1],
    tag,
  );
}

/** Records the products of one of `splits` layers after the other; with several, to parts of sums. */
function recordProducts(
  { context, program, precision }: Recording,
  { side, x, weights, shape, finish }: Convolution,
  variant: Exclude<Variant, { kind: "winograd" }>,
  y: GPUBuffer,
  splits: number,
  tag: string,
): void {
  const { libs: finishLibs, resources } = finishParts(finish);
  const output = splits > 1 ? "output_f32" : "output_texel";
  const libs = [`texel_${precision}`, side === 3 ? "weights_texel" : "weights_f32", output, ...finishLibs];
  const { tile } = variant;
  const kernel =
    variant.kind === "matrix"
      ? matrixKernel(context, side, variant, libs)
      : gemmKernel(context, side, variant, libs);
  const perTile = 2 * side ** 2 * x.shape.channels * shape.channels * tile.pixels;
  const most = Math.min(
    Math.floor(USUAL_OPERATIONS / perTile),
    context.limits.maxComputeWorkgroupsPerDimension,
  );
  for (const { first, tiles } of bandsOf(Math.ceil(maskWords(shape) / tile.pixels), Math.max(1, most))) {
    program.dispatch(
      kernel,
      { x: x.resource, weights: side === 3 ? weights.buffer : weights, y, ...resources },
      { ...gemmParams(x.shape, shape), first_tile: first },
      [tiles, shape.channels / tile.channels, splits],
      tag,
      perTile * tiles,
    );
  }
}

/** Tiles of a workgroup of conv2d_winograd_input.wgsl and conv2d_winograd_output.wgsl. */
const WINOGRAD_GROUP = 16;

/**
 * Band after band: tiles to Winograd's inputs, products with the transformed weights, products to outputs.
 *
 * Between the transforms everything is f32 whatever maps are. In f16, rounding there would be 1.5e-3 of a layer's
 * outputs with F(4x4) and 5e-4 with F(2x2), where that of maps is 2e-4; and a band stays in the cache anyway.
 */
function recordWinograd(
  { context, program, scratch, precision }: Recording,
  { x, y, shape, finish }: Convolution,
  weights: DirectedWeights,
  { outputs, tile }: Extract<Variant, { kind: "winograd" }>,
  tag: string,
): void {
  const { height, width, channels } = shape;
  const inChannels = x.shape.channels;
  const positions = winogradPositions(outputs);
  const u = weights.winograd(outputs, program);
  const { inputs: v, products: m, bytes } = scratch.winograd();
  const tilesX = Math.ceil(width / outputs);
  const bands = bandsOf(
    tilesX * Math.ceil(height / outputs),
    Math.floor(bytes / (4 * positions * Math.max(inChannels, channels))),
  );
  const { libs, resources } = finishParts(finish);
  const texel = `texel_${precision}`;
  const transform = `winograd${outputs}`;
  for (const { first, tiles } of bands) {
    const place = { height, width, tiles_x: tilesX, first_tile: first, tiles };
    program.dispatch(
      context.kernel("conv2d_winograd_input", { libs: [texel, "map_buffer", transform] }),
      { x: x.resource, v },
      { ...place, pitch: x.shape.pitch, rows: x.shape.rows },
      [Math.ceil(tiles / WINOGRAD_GROUP), inChannels / 4, 1],
      tag,
    );
    const [from, to] = [inChannels, channels].map((count) => bandShape(count, positions, tiles));
    program.dispatch(
      gemmKernel(context, 1, { tile, ...product }, [
        "texel_f32",
        "weights_f32",
        "output_texel",
        "finish_plain",
      ]),
      { x: v, weights: u, y: m },
      { ...gemmParams(from!, to!), height: 1, first_tile: 0 },
      [Math.ceil(tiles / tile.pixels), channels / tile.channels, positions],
      tag,
      2 * positions * inChannels * channels * tiles,
    );
    program.dispatch(
      context.kernel("conv2d_winograd_output", { libs: [texel, transform, "signs", ...libs] }),
      { m, y, ...resources },
      { ...place, y_pitch: shape.pitch, mask_tiles: maskWords(shape) },
      [Math.ceil(tiles / WINOGRAD_GROUP), channels / 32, 1],
      tag,
    );
  }
}

/** Winograd's inputs or products as a map: a row of tiles for each position. */
const bandShape = (channels: number, positions: number, tiles: number): MapShape => ({
  channels,
  height: positions,
  width: tiles,
  pitch: tiles,
  rows: positions,
});

/** `total` tiles in bands of about the same size, `most` tiles at most. */
export function bandsOf(total: number, most: number) {
  const count = Math.ceil(total / most);
  const size = Math.ceil(total / count);
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => ({
    first: i * size,
    tiles: Math.min(size, total - i * size),
  }));
}

function gemmParams(from: MapShape, to: MapShape) {
  return {
    height: to.height,
    width: to.width,
    pitch: from.pitch,
    rows: from.rows,
    y_pitch: to.pitch,
    in_channels: from.channels,
    out_channels: to.channels,
    mask_tiles: maskWords(to),
  };
}

/** How a product of Winograd's is computed. */
const product = { operand: "f32", stages: 1, splits: 1 } as const;

/** `libs`: how maps, weights and outputs are stored, how a sum is finished. */
function gemmKernel(
  context: GpuContext,
  side: 1 | 3,
  { tile, operand, stages, splits }: Blocking & { readonly tile: Tile; readonly operand: Precision },
  libs: readonly string[],
): Kernel {
  const { channels, pixels, texels, run } = tile;
  const sizes = { CHANNELS: channels, PIXELS: pixels, TEXELS: texels, RUN: run };
  return context.kernel("conv2d_gemm", {
    libs: [...libs, `operand_${operand}`, "map_buffer", "signs"],
    constants: { SIDE: side, ...sizes, STAGES: stages, SPLITS: splits },
  });
}

function matrixKernel(
  context: GpuContext,
  side: 1 | 3,
  { tile, config, stages, splits }: Extract<Variant, { kind: "matrix" }>,
  libs: readonly string[],
): Kernel {
  const { operand, m, n, k, subgroup, isAsked } = config;
  const sizes = { CHANNELS: tile.channels, PIXELS: tile.pixels, M: m, N: n, K: k, SUBGROUP: subgroup };
  return context.kernel("conv2d_matrix", {
    directives: matrixDirectives(config),
    libs: [...libs, `operand_${operand}`, "map_buffer", "signs"],
    constants: { SIDE: side, ...sizes, BATCH: matrixBatch(tile, config), STAGES: stages, SPLITS: splits },
    subgroup: isAsked ? subgroup : undefined,
  });
}

function problemOf({ side, x, shape, finish }: Convolution, precision: Precision): Problem {
  return {
    side,
    direction: finish.mode === "forward" ? "forward" : "backward",
    inChannels: x.shape.channels,
    outChannels: shape.channels,
    pixels: shape.height * shape.width,
    precision,
  };
}

function finishParts(finish: Finish): {
  readonly libs: readonly string[];
  readonly resources: Readonly<Record<string, GPUBuffer>>;
} {
  switch (finish.mode) {
    case "forward":
      return { libs: ["finish_forward"], resources: { bias: finish.bias, new_mask: finish.mask } };
    case "plain":
      return { libs: ["finish_plain"], resources: {} };
    case "masked":
    case "added":
      return { libs: [`finish_${finish.mode}`, "mask_words"], resources: { mask: finish.mask } };
    default:
      return finish satisfies never;
  }
}

/** Channels at a time of the convolutions between the picture and the first map. */
const inputBlock = (channels: number): number => (channels % 64 === 0 ? 64 : 32);

/** Records y = the first convolution of the preprocessed picture, with bias and ReLU. */
export function recordConvInput(
  context: GpuContext,
  program: Program,
  precision: Precision,
  image: GPUBuffer,
  { forward: weights, bias }: LayerWeights,
  { order, mean, std }: Preprocessing,
  { shape, y, mask }: { readonly shape: MapShape; readonly y: GPUBuffer; readonly mask: GPUBuffer },
): void {
  const { height, width, channels } = shape;
  const block = inputBlock(channels);
  const preprocessing = { ...triple("order", order), ...triple("mean", mean), ...triple("std", std) };
  program.dispatch(
    context.kernel("conv_input", {
      libs: [`texel_${precision}`, "finish_forward", "signs", "linear_index"],
      constants: { CHANNELS: block },
    }),
    { image, weights, bias, new_mask: mask, y },
    { height, width, channels, mask_tiles: maskWords(shape), ...preprocessing },
    linearGrid(Math.ceil((height * width) / 128), channels / block),
    "conv1_1 forward",
  );
}

/** Records the gradient with respect to the picture from dz, that before the first ReLU. */
export function recordConvInputBackward(
  context: GpuContext,
  program: Program,
  precision: Precision,
  dz: FeatureMap,
  { backward: weights }: LayerWeights,
  { order, std }: Preprocessing,
  gradient: GPUBuffer,
): void {
  const { height, width, pitch, rows, channels } = dz.shape;
  program.dispatch(
    context.kernel("conv_input_backward", {
      libs: [`texel_${precision}`, "map_buffer"],
      constants: { CHANNELS: inputBlock(channels) },
    }),
    { x: dz.resource, weights, gradient },
    { height, width, pitch, rows, channels, ...triple("order", order), ...triple("std", std) },
    [Math.ceil(width / 32), Math.ceil(height / 16), 1],
    "conv1_1 backward",
  );
}
