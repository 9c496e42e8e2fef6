/** Networks of VGG's shape as data: 3x3 convolutions in blocks, each block but the first behind a 2x2 pool. */

import { roundUp } from "../numbers.ts";

/** One 3x3 convolution with padding 1, followed by a ReLU. */
export interface ConvLayer {
  /** Its name in the papers: `conv3_1`. The feature map behind its ReLU is `relu3_1`. */
  readonly name: ConvName;
  /** How many convolutions stand before it. */
  readonly index: number;
  /** How many pools stand before it. */
  readonly block: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Whether a 2x2 pool of stride 2 stands right before it. */
  readonly pooled: boolean;
}

export type ConvName = `conv${number}_${number}`;
export type ReluName = `relu${number}_${number}`;

/** More than any network of this shape has; what a kernel's grids and sums allow. */
export const MAX_CHANNELS = 1024;

/**
 * The layers of a network whose convolutions have these output channels, block by block.
 *
 * @example
 * ```ts
 * import { vggLayers } from "stylize";
 *
 * const layers = vggLayers([[32, 32], [64, 64], [128]]); // conv1_1, conv1_2, conv2_1, conv2_2, conv3_1
 * ```
 */
export function vggLayers(blocks: readonly (readonly number[])[]): readonly ConvLayer[] {
  const layers: ConvLayer[] = [];
  for (const [block, channels] of blocks.entries()) {
    for (const [i, outChannels] of channels.entries()) {
      const inChannels = layers.at(-1)?.outChannels ?? 3;
      const name: ConvName = `conv${block + 1}_${i + 1}`;
      const pooled = block > 0 && i === 0;
      layers.push({ name, index: layers.length, block, inChannels, outChannels, pooled });
    }
  }
  return layers;
}

/**
 * VGG19's 16 convolutions.
 *
 * Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014), table 1, column
 * E.
 */
export const vgg19: readonly ConvLayer[] = vggLayers([
  [64, 64],
  [128, 128],
  [256, 256, 256, 256],
  [512, 512, 512, 512],
  [512, 512, 512, 512],
]);

/**
 * The name of the feature map behind a convolution's ReLU.
 *
 * @example
 * ```ts
 * import { reluName } from "stylize";
 *
 * const name = reluName("conv3_1"); // "relu3_1"
 * ```
 */
export function reluName(name: ConvName): ReluName {
  return `relu${name.slice("conv".length)}` as ReluName;
}

/** The layers up to and with the one behind the last of `reluLayers`; nothing after it matters to a loss. */
export function truncated(
  layers: readonly ConvLayer[],
  reluLayers: Iterable<ReluName>,
): readonly ConvLayer[] {
  const wanted = new Set(reluLayers);
  const last = layers.findLastIndex(({ name }) => wanted.has(reluName(name)));
  return layers.slice(0, last + 1);
}

/**
 * The layer as a family of kernels takes it: with channels up to a multiple of `multiple`, further ones always zero.
 * Those of the picture stay three.
 */
export function padded(layer: ConvLayer, multiple: number): ConvLayer {
  return {
    ...layer,
    inChannels: layer.index === 0 ? layer.inChannels : roundUp(layer.inChannels, multiple),
    outChannels: roundUp(layer.outChannels, multiple),
  };
}
