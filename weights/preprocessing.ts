/** How pictures must enter a network: what its weights were trained with. */

import type { ConvName } from "../engine/network/layers.ts";
import { type ConvWeights, type Preprocessing, torchvisionPreprocessing } from "../engine/network/types.ts";

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

/**
 * Numbers by which torchvision's VGG19 is known, whatever its file is called and whoever saved it again in which
 * precision: mean and deviation of weights, then of biases.
 *
 * Source: PaddlePaddle/GraphNet, commit 88352fc8, samples/vgg19/weight_meta.py.
 */
export const torchvisionStatistics: Readonly<Record<ConvName, readonly [number, number, number, number]>> = {
  conv1_1: [-0.0029284, 0.25384665, 0.00983107, 0.49718213],
  conv1_2: [-0.0022367, 0.05574948, 0.00485678, 0.22868814],
  conv2_1: [-0.00196249, 0.04864542, 0.05532441, 0.09835891],
  conv2_2: [-0.00210924, 0.03814736, 0.01016241, 0.14274178],
  conv3_1: [-0.00120458, 0.03071784, 0.02544364, 0.10619864],
  conv3_2: [-0.00126251, 0.02293343, 0.03066991, 0.10707872],
  conv3_3: [-0.00130284, 0.0228264, 0.04279589, 0.10771608],
  conv3_4: [-0.00233975, 0.02331404, 0.02687203, 0.09751787],
  conv4_1: [-0.00147239, 0.01990083, 0.00473479, 0.08632819],
  conv4_2: [-0.00139118, 0.01506391, 0.02352445, 0.10468893],
  conv4_3: [-0.0014622, 0.01458318, 0.04041994, 0.13101837],
  conv4_4: [-0.00195818, 0.01447577, 0.04957022, 0.08932585],
  conv5_1: [-0.001311, 0.01580263, 0.01646057, 0.09556513],
  conv5_2: [-0.00151938, 0.01579824, 0.05190231, 0.14277016],
  conv5_3: [-0.00162457, 0.01527036, 0.04865609, 0.14177409],
  conv5_4: [-0.00193356, 0.01462686, 0.06127655, 0.1324797],
};

/** Of a deviation: more than bfloat16 and a GPU's summation change, far less than any training. */
const TOLERANCE = 1e-3;

/** Whether all of `layers` have torchvision's statistics. */
export function isTorchvision(layers: ReadonlyMap<ConvName, ConvWeights>): boolean {
  return [...layers].every(([name, { weight, bias }]) => {
    const [weightMean, weightDeviation, biasMean, biasDeviation] = torchvisionStatistics[name]!;
    return isAlike(weight, weightMean, weightDeviation) && isAlike(bias, biasMean, biasDeviation);
  });
}

function isAlike(values: Float32Array, mean: number, deviation: number): boolean {
  const actualMean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - actualMean) ** 2, 0);
  const actual = Math.sqrt(squares / (values.length - 1));
  return (
    Math.abs(actual - deviation) < TOLERANCE * deviation &&
    Math.abs(actualMean - mean) < TOLERANCE * deviation
  );
}
