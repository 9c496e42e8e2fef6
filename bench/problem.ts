/**
 * What is measured: a network with seeded weights, three pictures and the losses of real weights, the same for the
 * engine and its peers.
 */
import { type LossWeights, termsOf } from "../engine/losses/objective.ts";
import type { ConvName } from "../engine/network/layers.ts";
import { type ConvWeights, type Network, torchvisionPreprocessing } from "../engine/network/types.ts";
import { noisePicture, type Picture } from "../engine/picture.ts";
import { vgg19Defaults } from "../weights/defaults.ts";
import { layersOf, type NetworkName } from "./networks.ts";

export const lossWeights: LossWeights = vgg19Defaults;
export const terms = termsOf(lossWeights);

/** Numbers in [0,1). */
function uniform(seed: number, count: number): Float32Array {
  return noisePicture({ width: Math.ceil(count / 3), height: 1 }, seed).data.subarray(0, count);
}

/** Through conv5_1, He-uniform, without biases: its work is that of trained weights, and it takes no download. */
export function seededNetwork(network: NetworkName): Network {
  const layers = layersOf(network);
  const weights = layers.map(({ inChannels, outChannels, name }, i): [ConvName, ConvWeights] => {
    const bound = Math.sqrt(6 / (9 * inChannels));
    const weight = uniform(100 + i, 9 * inChannels * outChannels).map((value) => (2 * value - 1) * bound);
    return [name, { weight, bias: new Float32Array(outChannels) }];
  });
  return {
    name: `${network} with seeded random weights`,
    preprocessing: torchvisionPreprocessing,
    layers,
    weights: new Map(weights),
    defaults: vgg19Defaults,
  };
}

export interface Pictures {
  readonly content: Picture;
  readonly style: Picture;
  readonly start: Picture;
}

/** Three squares of `size` pixels a side. */
export function seededPictures(size: number): Pictures {
  const [content, style, start] = [1, 2, 3].map((seed) => seededPicture(size, seed));
  return { content: content!, style: style!, start: start! };
}

/** Waves of seeded lengths and directions with a quarter of noise, so that Gram matrices differ between pictures. */
function seededPicture(size: number, seed: number): Picture {
  const picture = noisePicture({ width: size, height: size }, seed);
  const waves = uniform(10 + seed, 9);
  const data = picture.data.map((noise, i) => {
    const channel = Math.floor(i / size ** 2);
    const [down, across, phase] = waves.subarray(3 * channel);
    const [y, x] = [Math.floor(i / size) % size, i % size];
    const wave = 0.5 + 0.5 * Math.sin(2 * Math.PI * ((8 * (down! * y + across! * x)) / size + phase!));
    return 0.75 * wave + 0.25 * noise;
  });
  return { ...picture, data };
}
