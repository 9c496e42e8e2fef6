/**
 * A network of He-uniform weights from the integer hash that make_network.py uses too, for tests that need no good
 * pictures.
 */

import { type ConvLayer, type ConvName, vgg19 } from "../engine/network/layers.ts";
import { type ConvWeights, type Network, torchvisionPreprocessing } from "../engine/network/types.ts";
import { noisePicture, type Picture } from "../engine/picture.ts";
import { compactSmall } from "../weights/shipped.ts";

/** Numbers in [0,1) of hash stream `seed`, as make_network.py's `hashed`. */
export function hashed(seed: number, count: number): Float32Array {
  const third = { width: Math.ceil(count / 3), height: 1 }; // a picture has three planes
  return noisePicture(third, seed).data.subarray(0, count);
}

export const lossWeights = {
  contentLayers: { relu4_2: 1 },
  styleLayers: { relu1_1: 1, relu2_1: 0.8, relu3_1: 0.6, relu4_1: 0.4, relu5_1: 0.2 },
  contentWeight: 0.5,
  styleWeight: 1,
  tvWeight: 2,
} as const;

/**
 * A quarter of VGG19's channels, a twelfth of its weights: small pictures take most of their time for reading weights.
 */
export const quarter = compactSmall.layers;

const whole = vgg19.slice(0, 13);
let wholeNetwork: Network | undefined;

/** VGG19, or these layers, through conv5_1. */
export function seededNetwork(layers: readonly ConvLayer[] = whole): Network {
  if (layers !== whole) return generated(layers);
  wholeNetwork ??= generated(whole);
  return wholeNetwork;
}

function generated(layers: readonly ConvLayer[]): Network {
  const weights = new Map<ConvName, ConvWeights>();
  for (const { index: i, name, inChannels, outChannels } of layers) {
    const bound = Math.sqrt(6 / (9 * inChannels));
    const uniform = (seed: number, count: number, limit: number) =>
      hashed(seed, count).map((value) => (value * 2 - 1) * limit);
    weights.set(name, {
      weight: uniform(100 + 2 * i, 9 * inChannels * outChannels, bound),
      bias: uniform(101 + 2 * i, outChannels, 0.1),
    });
  }
  const defaults = { ...lossWeights, pooling: "avg" } as const;
  return { name: "seeded network", preprocessing: torchvisionPreprocessing, layers, weights, defaults };
}

/** Coarse blocks with noise, so that Gram matrices differ between pictures; make_network.py's `picture`. */
export function seededPicture(seed: number, height: number, width: number): Picture {
  const coarse = hashed(seed, 3 * 64);
  const fine = hashed(seed + 1, 3 * height * width);
  const data = fine.map((value, i) => {
    const [c, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const block = (c * 8 + Math.floor((y * 8) / height)) * 8 + Math.floor((x * 8) / width);
    return 0.7 * coarse[block]! + 0.3 * value;
  });
  return { width, height, data };
}
