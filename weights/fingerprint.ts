/**
 * Numbers by which torchvision's VGG19 is known, whatever its file is called and whoever saved it again in which
 * precision.
 */
import type { ConvName } from "../engine/network/layers.ts";
import type { ConvWeights } from "../engine/network/types.ts";

/**
 * Mean and deviation of weights, then of biases.
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
