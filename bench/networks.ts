/** The networks that are measured: VGG19, and those that ship, which have its shape and fewer channels. */
import { type ConvLayer, truncated, vgg19 } from "../engine/network/layers.ts";

export const networkNames = ["vgg19", "compact", "compact-small"] as const;
export type NetworkName = (typeof networkNames)[number];

/** Of --network. */
export const defaultNetworks: readonly NetworkName[] = ["vgg19", "compact"];

/** How many channels VGG19 has for each of theirs. */
const divisors: Readonly<Record<NetworkName, number>> = { vgg19: 1, compact: 2, "compact-small": 4 };

/** conv1_1 to conv5_1. */
export function layersOf(network: NetworkName): readonly ConvLayer[] {
  const divisor = divisors[network];
  return truncated(vgg19, ["relu5_1"]).map((layer) => ({
    ...layer,
    inChannels: layer.index === 0 ? layer.inChannels : layer.inChannels / divisor,
    outChannels: layer.outChannels / divisor,
  }));
}

/** What a record is of. Those of before others were measured don't tell: VGG19. */
export const networkOf = ({ network = "vgg19" }: { readonly network?: NetworkName }): NetworkName => network;
