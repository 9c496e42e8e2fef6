/**
 * Layers scaled so that activations are about 1, whatever the weights were trained with: Caffe's networks take pictures
 * from 0 to 255, and deep in them, or in a Gram matrix, half precision would overflow.
 *
 * ReLUs and pools commute with positive factors: weights times `b / a` and biases times `b` turn activations that are
 * `a` times the network's own at the layer's input into `b` times its own at the output. The factors are powers of two,
 * which round nothing, and our losses are relative to their targets: the result is the same.
 */
import { areFinite } from "../engine/network/finite.ts";
import type { ConvLayer, ConvName } from "../engine/network/layers.ts";
import { knownFinite } from "../engine/network/layers-for.ts";
import type { ConvWeights, Preprocessing } from "../engine/network/types.ts";
import type { Picture } from "../engine/picture.ts";
import { badWeights } from "./formats/byte-source.ts";
import { activate, averagePool, convolve, type Padded, preprocess } from "./forward.ts";

/** Five layers deep, 2x2 of it are left. */
const PROBE_SIZE = 32;

/**
 * The same layers, each scaled so that its activations' root mean square is between 0.7 and 1.5 on a picture of waves.
 * `path` is the file that they are from.
 *
 * @throws StylizeError `bad-weights` where they are too large or too small for f32.
 */
export function rescaled(
  layers: readonly ConvLayer[],
  weights: ReadonlyMap<ConvName, ConvWeights>,
  preprocessing: Preprocessing,
  path: string,
): Map<ConvName, ConvWeights> {
  const result = new Map<ConvName, ConvWeights>();
  let map = preprocess(waves(PROBE_SIZE), preprocessing);
  let before = 1;
  for (const { name, pooled } of layers) {
    const { weight, bias: biases } = weights.get(name)!;
    const scale = (factor: number) => new Float32Array(biases.length).fill(factor);
    // `map` is `before` times the activations of the network as it came.
    const bias = biases.map((value) => before * value);
    const output = activate(convolve(pooled ? averagePool(map) : map, weight), scale(1), bias);
    const mean = rootMeanSquare(output);
    const step = powerOfTwo(1 / mean);
    const after = before * step;
    const layer = {
      weight: weight.map((value) => step * value),
      bias: biases.map((value) => after * value),
    };
    if (!areFinite([mean, ...layer.bias]) || !areFinite(layer.weight))
      throw badWeights(
        `Expected weights in '${path}' whose activations single precision can hold but those of ${name} exceed it.`,
      );
    knownFinite.add(layer);
    result.set(name, layer);
    map = activate(output, scale(step), scale(0));
    before = after;
  }
  return result;
}

/** The nearest one; 1 for what is no positive number, as a layer that gives nothing has none. */
function powerOfTwo(value: number): number {
  return value > 0 && value < Number.POSITIVE_INFINITY ? 2 ** Math.round(Math.log2(value)) : 1;
}

function rootMeanSquare({ channels, height, width, data }: Padded): number {
  let sum = 0;
  for (const value of data) sum += value * value; // the border's zeros add nothing
  return Math.sqrt(sum / (channels * height * width));
}

/** Waves of all lengths and directions, the longer the stronger, as in pictures; each colour has its own. */
function waves(size: number): Picture {
  const data = new Float32Array(3 * size * size);
  for (const k of data.keys()) {
    const [c, y, x] = [Math.floor(k / (size * size)), Math.floor(k / size) % size, k % size];
    let value = 0.5;
    for (let n = 1; n <= 8; n++) {
      const angle = 2.4 * n + c; // about the golden angle: no two directions are alike
      value += (0.2 / n) * Math.sin(((2 * Math.PI * n) / size) * (x * Math.cos(angle) + y * Math.sin(angle)));
    }
    data[k] = Math.min(1, Math.max(0, value));
  }
  return { width: size, height: size, data };
}
