/**
 * What is measured, the same for the engine and its peers: a network with seeded weights, three pictures and the losses
 * of real weights. The networks are VGG19, and those that ship, which have its shape and fewer channels.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LossWeights, lossLayers, type Term, termsOf } from "../engine/losses/objective.ts";
import { type ConvLayer, type ConvName, reluName, truncated, vgg19 } from "../engine/network/layers.ts";
import { type ConvWeights, type Network, torchvisionPreprocessing } from "../engine/network/types.ts";
import type { Picture } from "../engine/picture.ts";
import { noisePicture } from "../engine/picture.ts";
import { compact, compactSmall, vgg19Defaults } from "../weights/shipped.ts";

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

/** Place of an array in task.bin: f32 values, little-endian. */
interface Stored {
  readonly offset: number;
  readonly count: number;
}

interface StoredPicture extends Stored {
  readonly width: number;
  readonly height: number;
}

export interface Task {
  readonly network: Network;
  readonly terms: readonly Term[];
  readonly pictures: Pictures;
}

/**
 * Writes `folder`/task.json and task.bin.
 *
 * Weights are [out][in][3][3], pictures [3][height][width], start and content of one size. The network's input is
 * (picture - mean) / std, blocks begin with a 2x2 average pool. Losses as in engine/losses: with `weight` w, style w |G
 * - A|^2 / |A|^2, content w |F - P|^2 / |P|^2, total variation w times the sum of the mean squared differences of
 * horizontal and of vertical neighbours.
 */
export function writeTask(folder: string, { network, terms, pictures }: Task): void {
  const arrays: Float32Array[] = [];
  let offset = 0;
  const store = (values: Float32Array): Stored => {
    arrays.push(values);
    const place = { offset, count: values.length };
    offset += values.length;
    return place;
  };
  const storePicture = ({ width, height, data }: Picture): StoredPicture => ({
    width,
    height,
    ...store(data),
  });
  const weights = (kind: "style" | "content") =>
    Object.fromEntries(terms.flatMap((term) => (term.kind === kind ? [[term.layer, term.weight]] : [])));
  const task = {
    mean: network.preprocessing.mean,
    std: network.preprocessing.std,
    layers: truncated(network.layers, lossLayers(terms)).map(({ name, inChannels, outChannels, pooled }) => {
      const { weight, bias } = network.weights.get(name)!;
      const stored = { weight: store(weight), bias: store(bias) };
      return { relu: reluName(name), inChannels, outChannels, pooled, ...stored };
    }),
    content: storePicture(pictures.content),
    style: storePicture(pictures.style),
    start: storePicture(pictures.start),
    styleLayers: weights("style"),
    contentLayers: weights("content"),
    tvWeight: terms.find(({ kind }) => kind === "tv")?.weight ?? 0,
  };
  const bytes = arrays.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  writeFileSync(join(folder, "task.json"), JSON.stringify(task));
  writeFileSync(join(folder, "task.bin"), Buffer.concat(bytes));
}
