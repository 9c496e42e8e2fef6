/** The networks that come with the package, trained by weights/compact/, whose README tells how; VGG19's settings. */
import { type ConvLayer, type ReluName, truncated, vgg19, vggLayers } from "../engine/network/layers.ts";
import type { NetworkDefaults } from "../engine/network/types.ts";

/**
 * Settings that suit VGG19 as trained on ImageNet: the layers of Gatys, Ecker and Bethge, "Image Style Transfer Using
 * Convolutional Neural Networks" (CVPR 2016), and
 * average pooling, which they prefer. Each style layer has one fifth of the style loss: losses are relative to their
 * targets here, so none needs a factor for its size. The smoothing is ours.
 */
export const vgg19Defaults: NetworkDefaults = {
  contentLayers: { relu4_2: 1 },
  styleLayers: { relu1_1: 0.2, relu2_1: 0.2, relu3_1: 0.2, relu4_1: 0.2, relu5_1: 0.2 },
  contentWeight: 0.02,
  styleWeight: 1,
  tvWeight: 0.1,
  pooling: "avg",
};

/** How many convolutions these losses look at; those behind are never read. */
export const neededLayers: number = truncated(
  vgg19,
  Object.keys({ ...vgg19Defaults.contentLayers, ...vgg19Defaults.styleLayers }) as ReluName[],
).length;

export interface ShippedNetwork {
  /** What users write, and what the file's metadata calls it: `compact`. */
  readonly name: string;
  /** One line on what it is. */
  readonly title: string;
  /** In weights/compact/. */
  readonly file: string;
  /** Bytes, and the SHA-256 of them, hexadecimal. */
  readonly size: number;
  readonly sha256: string;
  readonly licence: string;
  /** What its file holds, told before it is there. */
  readonly layers: readonly ConvLayer[];
  readonly defaults: NetworkDefaults;
}

/** VGG19's layers; the weights were chosen by looking. */
const compactDefaults: NetworkDefaults = { ...vgg19Defaults, contentWeight: 0.025, tvWeight: 0.8 };

/** conv1_1 to conv5_1, `channels` in each block: no loss looks further. */
const layersOf = (channels: readonly number[]): readonly ConvLayer[] =>
  vggLayers([2, 2, 4, 4, 1].map((count, block) => Array<number>(count).fill(channels[block]!)));

/** The network that is used where no other was asked for or fetched. */
export const compact: ShippedNetwork = {
  name: "compact",
  title: "VGG19's shape with half its channels, trained for this program: comes with it",
  file: "compact.safetensors",
  size: 6_477_632,
  sha256: "867c7aa4ea64e049d915bc65ac35e3be177d586c791df48516dc1052bff914de",
  licence: "Apache-2.0",
  layers: layersOf([32, 64, 128, 256, 256]),
  defaults: compactDefaults,
};

export const compactSmall: ShippedNetwork = {
  name: "compact-small",
  title: "the same with a quarter of VGG19's channels: quicker and a little coarser",
  file: "compact-small.safetensors",
  size: 1_622_528,
  sha256: "07c462c29d1ffcb70ac9ae8022d4adf939e5f09ad8034d5ed3b29b349aa87cfa",
  licence: "Apache-2.0",
  layers: layersOf([16, 32, 64, 128, 128]),
  defaults: compactDefaults,
};

/** The one that paints where no other is asked for: on a processor the one that paints more in the same time. */
export const shippedFor = ({ isSoftware }: { readonly isSoftware: boolean }): ShippedNetwork =>
  isSoftware ? compactSmall : compact;

export const shippedNetworks: readonly ShippedNetwork[] = [compact, compactSmall];

/** The network of that name, if it is one that ships. */
export function findShipped(name: string | undefined): ShippedNetwork | undefined {
  return shippedNetworks.find((network) => network.name === name);
}
