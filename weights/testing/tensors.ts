/** Files' worth of tensors that look like VGG19's or a narrower network's, for tests. */
import { type ConvLayer, vgg19, vggLayers } from "../../engine/network/layers.ts";
import { safetensorsParts, type Tensor } from "../formats/safetensors.ts";
import { torchvisionIndex } from "../naming.ts";
import { torchvisionStatistics } from "../preprocessing.ts";

/** A number that differs from layer to layer. */
export const mark = (layer: ConvLayer) => (torchvisionIndex(layer) + 0.5) / 1024;

/** All tensors of these convolutions, VGG19's up to conv5_1 when not given, each filled with one number. */
export function tensors(
  nameOf: (layer: ConvLayer) => string,
  layers: readonly ConvLayer[] = vgg19.slice(0, 13),
): Map<string, Tensor> {
  const result = new Map<string, Tensor>();
  for (const layer of layers) {
    const { inChannels, outChannels } = layer;
    const weight = new Float32Array(outChannels * inChannels * 9).fill(mark(layer));
    weight[1] = -2;
    const bias = new Float32Array(outChannels).fill(-mark(layer));
    result.set(`${nameOf(layer)}.weight`, { shape: [outChannels, inChannels, 3, 3], data: weight });
    result.set(`${nameOf(layer)}.bias`, { shape: [outChannels], data: bias });
  }
  return result;
}

/** Channels that are multiples of nothing, and not the wider the deeper. */
export const uneven: readonly ConvLayer[] = vggLayers([
  [20, 48],
  [96, 33],
  [7, 41, 41, 64],
  [100, 12, 65, 80],
  [40],
]);

export const features = (layer: ConvLayer) => `features.${torchvisionIndex(layer)}`;

/** Fills `values`, an even number of them, so that they have this mean and deviation. */
export function spread(values: Float32Array, mean: number, deviation: number): void {
  const half = deviation * Math.sqrt((values.length - 1) / values.length);
  for (const i of values.keys()) values[i] = mean + (i % 2 ? half : -half);
}

/** Gives the tensors of all layers the statistics of torchvision's. */
export function likeTorchvision(
  content: ReadonlyMap<string, Tensor>,
  nameOf: (layer: ConvLayer) => string,
): void {
  for (const layer of vgg19) {
    const [weightMean, weightDeviation, biasMean, biasDeviation] = torchvisionStatistics[layer.name]!;
    const weight = content.get(`${nameOf(layer)}.weight`);
    if (weight) spread(weight.data, weightMean, weightDeviation);
    const bias = content.get(`${nameOf(layer)}.bias`);
    if (bias) spread(bias.data, biasMean, biasDeviation);
  }
}

/** A safetensors file in one piece. */
export function encodeSafetensors(...content: Parameters<typeof safetensorsParts>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(safetensorsParts(...content)));
}
