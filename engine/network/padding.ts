/**
 * Layers as a family of kernels takes them: with channels that are always zero, up to a multiple of what its tiles
 * compute.
 */
import { roundUp } from "../numbers.ts";
import type { ConvLayer } from "./layers.ts";
import type { ConvWeights } from "./types.ts";

/** The layer with channels up to a multiple of `multiple`; those of the picture stay three. */
export function padded(layer: ConvLayer, multiple: number): ConvLayer {
  return {
    ...layer,
    inChannels: layer.index === 0 ? layer.inChannels : roundUp(layer.inChannels, multiple),
    outChannels: roundUp(layer.outChannels, multiple),
  };
}

/** Its weights: further channels are read with zeros and given zeros. */
export function paddedWeights({ weight, bias }: ConvWeights, from: ConvLayer, to: ConvLayer): ConvWeights {
  if (from.inChannels === to.inChannels && from.outChannels === to.outChannels) return { weight, bias };
  const wide = new Float32Array(9 * to.inChannels * to.outChannels);
  const filter = 9 * from.inChannels;
  for (let o = 0; o < from.outChannels; o++)
    wide.set(weight.subarray(o * filter, (o + 1) * filter), 9 * o * to.inChannels);
  const biases = new Float32Array(to.outChannels);
  biases.set(bias);
  return { weight: wide, bias: biases };
}
