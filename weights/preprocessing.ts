/** How pictures must enter a network: what its weights were trained with. */
import { type Preprocessing, torchvisionPreprocessing } from "../engine/network/types.ts";

/**
 * The numbers of Oxford's Caffe models: blue, green, red from 0 to 255, each less its mean over ImageNet, and no
 * deviation.
 *
 * Source: Simonyan's description of the models, https://gist.github.com/ksimonyan/3785162f95cd2d5fee77.
 */
const caffePreprocessing: Preprocessing = {
  name: "caffe",
  order: [2, 1, 0],
  mean: [103.939 / 255, 116.779 / 255, 123.68 / 255],
  std: [1 / 255, 1 / 255, 1 / 255],
};

/**
 * About -1 to 1: what EfficientNet-Lite was trained with, and so the networks that learnt from it
 * (weights/compact/network.py).
 */
const litePreprocessing: Preprocessing = {
  name: "efficientnet-lite",
  order: [0, 1, 2],
  mean: [0.498, 0.498, 0.498],
  std: [0.502, 0.502, 0.502],
};

export const preprocessings = {
  torchvision: torchvisionPreprocessing,
  caffe: caffePreprocessing,
  "efficientnet-lite": litePreprocessing,
} as const;

export type PreprocessingName = keyof typeof preprocessings;

export const preprocessingNames = Object.keys(preprocessings) as readonly PreprocessingName[];

export function isPreprocessingName(text: unknown): text is PreprocessingName {
  return preprocessingNames.includes(text as PreprocessingName);
}

/**
 * What the 1x1 convolution in front of a network does to a picture in [0,1]: weight [3][3], bias [3]. Undefined if it
 * does more than preprocess.
 */
export function preprocessingOf(weight: Float32Array, bias: Float32Array): Preprocessing | undefined {
  const channels = [0, 1, 2].map((c) => {
    const row = weight.subarray(3 * c, 3 * c + 3);
    const source = row.findIndex((value) => value !== 0);
    const factor = row[source] ?? 0;
    const isAlone = row.every((value, i) => (i === source ? value > 0 : value === 0)) && source !== -1;
    return { isAlone, source, std: 1 / factor, mean: -bias[c]! / factor };
  });
  const all = <T>(of: (channel: (typeof channels)[number]) => T) => channels.map(of) as [T, T, T];
  const order = all(({ source }) => source);
  if (!channels.every(({ isAlone }) => isAlone) || new Set(order).size < 3) return undefined;
  return { name: "the file's own", order, mean: all(({ mean }) => mean), std: all(({ std }) => std) };
}
