/** Convolutions on the gpu family: dispatches conv2d_gemm.wgsl, conv_input.wgsl and conv_input_backward.wgsl. */
import type { GpuContext } from "../../gpu/context.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Program, Resource } from "../../gpu/program.ts";
import type { Preprocessing } from "../../network/types.ts";
import type { FeatureMap, LayerWeights, MapShape } from "../family.ts";
import { maskWords } from "./layout.ts";
import { chosenVariant, type Problem, type Tile } from "./variants.ts";

/**
 * What happens to the sums of a convolution. `forward`: bias, ReLU, and the ReLU's signs to `mask`; `plain`: nothing;
 * `masked`: plus `d`, the gradient of the losses there, times the mask of the map.
 */
export type Finish =
  | { readonly mode: "forward"; readonly bias: GPUBuffer; readonly mask: GPUBuffer }
  | { readonly mode: "plain" }
  | { readonly mode: "masked"; readonly mask: GPUBuffer; readonly d: GPUBuffer | undefined };

export interface Convolution {
  /** 3: zero padding 1. 1: a matrix product. */
  readonly side: 1 | 3;
  readonly x: FeatureMap;
  /** [side * side][channels of x][channels of y] f32 */
  readonly weights: Resource;
  readonly y: GPUBuffer;
  readonly shape: MapShape;
  readonly finish: Finish;
}

/** Records y = finish(weights * x), in the variant that was tuned for the shape, or a sensible one. */
export function recordConvolution(
  context: GpuContext,
  program: Program,
  convolution: Convolution,
  tag: string,
): void {
  const { side, x, weights, y, shape, finish } = convolution;
  const { tile } = chosenVariant(problemOf(convolution), context);
  const { height, width, pitch, channels } = shape;
  const { libs, resources } = finishParts(finish);
  program.dispatch(
    gemmKernel(context, side, tile, libs),
    { x: x.resource, weights, y, ...resources },
    {
      height,
      width,
      pitch: x.shape.pitch,
      rows: x.shape.rows,
      y_pitch: pitch,
      in_channels: x.shape.channels,
      out_channels: channels,
      positions: 1,
      mask_tiles: maskWords(shape),
    },
    [Math.ceil((height * width) / tile.pixels), channels / tile.channels, 1],
    tag,
  );
}

function gemmKernel(context: GpuContext, side: 1 | 3, tile: Tile, libs: readonly string[]): Kernel {
  const constants = {
    SIDE: side,
    CHANNELS: tile.channels,
    PIXELS: tile.pixels,
    TEXELS: tile.texels,
    RUN: tile.run,
  };
  return context.kernel("conv2d_gemm", { libs: ["map_buffer", "weights", "signs", ...libs], constants });
}

function problemOf({ side, x, shape, finish }: Convolution): Problem {
  return {
    side,
    direction: finish.mode === "forward" ? "forward" : "backward",
    inChannels: x.shape.channels,
    outChannels: shape.channels,
    pixels: shape.height * shape.width,
  };
}

function finishParts(finish: Finish): {
  readonly libs: readonly string[];
  readonly resources: Readonly<Record<string, GPUBuffer>>;
} {
  switch (finish.mode) {
    case "forward":
      return { libs: ["conv_forward"], resources: { bias: finish.bias, mask: finish.mask } };
    case "plain":
      return { libs: ["conv_plain"], resources: {} };
    case "masked": {
      const { mask, d } = finish;
      const libs = ["conv_masked", "mask_words", d ? "loss_gradient" : "no_loss_gradient"];
      return { libs, resources: { mask, ...(d && { d }) } };
    }
    default:
      return finish satisfies never;
  }
}

/** Records y = the first convolution of the preprocessed picture, with bias and ReLU. */
export function recordConvInput(
  context: GpuContext,
  program: Program,
  image: GPUBuffer,
  { forward: weights, bias }: LayerWeights,
  { order, mean, std }: Preprocessing,
  { shape, y, mask }: { readonly shape: MapShape; readonly y: GPUBuffer; readonly mask: GPUBuffer },
): void {
  const { height, width } = shape;
  const preprocessing = { ...triple("order", order), ...triple("mean", mean), ...triple("std", std) };
  program.dispatch(
    context.kernel("conv_input", { libs: ["conv_forward", "weights", "signs"] }),
    { image, weights, bias, mask, y },
    { height, width, mask_tiles: maskWords(shape), ...preprocessing },
    [Math.ceil((height * width) / 128), 1, 1],
    "conv1_1 forward",
  );
}

/** Records the gradient with respect to the picture from dz, that before the first ReLU. */
export function recordConvInputBackward(
  context: GpuContext,
  program: Program,
  dz: FeatureMap,
  { backward: weights }: LayerWeights,
  { order, std }: Preprocessing,
  gradient: GPUBuffer,
): void {
  const { channels, height, width, pitch, rows } = dz.shape;
  program.dispatch(
    context.kernel("conv_input_backward", { libs: ["map_buffer"] }),
    { x: dz.resource, weights, gradient },
    { height, width, pitch, rows, groups: channels / 4, ...triple("order", order), ...triple("std", std) },
    [Math.ceil(width / 16), Math.ceil(height / 16), 1],
    "conv1_1 backward",
  );
}

/** Three numbered fields of a `struct Params`. */
function triple(name: string, [a, b, c]: readonly [number, number, number]): Record<string, number> {
  return { [`${name}0`]: a, [`${name}1`]: b, [`${name}2`]: c };
}
