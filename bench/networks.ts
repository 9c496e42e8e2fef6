/** The networks that are measured: VGG19, and those that ship, which have its shape and fewer channels. */
import { type ConvLayer, truncated, vgg19 } from "../engine/network/layers.ts";
import { compact, compactSmall } from "../weights/shipped.ts";

export const networkNames = ["vgg19", "compact", "compact-small"] as const;
export type NetworkName = (typeof networkNames)[number];

/** Of --network. */
export const defaultNetworks: readonly NetworkName[] = ["vgg19", "compact"];

/** conv1_1 to conv5_1. */
const layers: Readonly<Record<NetworkName, readonly ConvLayer[]>> = {
  vgg19: truncated(vgg19, ["relu5_1"]),
  compact: compact.layers,
  "compact-small": compactSmall.layers,
};

export const layersOf = (network: NetworkName): readonly ConvLayer[] => layers[network];

/** What a record is of. Those of before others were measured don't tell: VGG19. */
export const networkOf = ({ network = "vgg19" }: { readonly network?: NetworkName }): NetworkName => network;
