/**
 * A network's weights on a device, and the way of a picture through it: forward to its features, backward to its
 * pixels.
 */

import type { Arena } from "./gpu/arena.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Precision } from "./gpu/precision.ts";
import { type ConvLayer, padded, type ReluName, reluName, truncated } from "./network/layers.ts";
import type { ConvWeights, Network, Pooling, Preprocessing } from "./network/types.ts";
import {
  type Activation,
  type FeatureMap,
  familyOn,
  type KernelFamily,
  type LayerLosses,
  type LayerWeights,
  type Operations,
  type OperationsOptions,
  type Pooled,
} from "./ops/index.ts";
import type { Size } from "./picture.ts";

export interface Model {
  readonly family: KernelFamily;
  readonly preprocessing: Preprocessing;
  readonly pooling: Pooling;
  /** Up to the last layer that has a loss. */
  readonly layers: readonly LayerWeights[];
}

/** Uploads the layers of `network` that the losses on `lossLayers` need. */
export async function loadModel(
  context: GpuContext,
  arena: Arena,
  network: Network,
  pooling: Pooling,
  lossLayers: readonly ReluName[],
  precision: Precision = "f32",
): Promise<Model> {
  const family = familyOn(context, precision);
  const layers: LayerWeights[] = [];
  for (const layer of truncated(network.layers, lossLayers)) {
    const wide = padded(layer, family.channelMultiple);
    const weights = paddedWeights(network.weights.get(layer.name)!, layer, wide);
    layers.push(await family.loadWeights(arena, wide, weights));
  }
  return { family, preprocessing: network.preprocessing, pooling, layers };
}

/** Weights of `from` for the wider layer `to`: further channels are read with zeros and given zeros. */
function paddedWeights({ weight, bias }: ConvWeights, from: ConvLayer, to: ConvLayer): ConvWeights {
  if (from.inChannels === to.inChannels && from.outChannels === to.outChannels) return { weight, bias };
  const wide = new Float32Array(9 * to.inChannels * to.outChannels);
  const filter = 9 * from.inChannels;
  for (let o = 0; o < from.outChannels; o++)
    wide.set(weight.subarray(o * filter, (o + 1) * filter), 9 * o * to.inChannels);
  const biases = new Float32Array(to.outChannels);
  biases.set(bias);
  return { weight: wide, bias: biases };
}

/** The layer behind whose ReLU a loss is, as it was loaded. */
export function layerAt({ layers }: Model, name: ReluName): ConvLayer {
  return layers.find(({ layer }) => reluName(layer.name) === name)!.layer;
}

/** What the model's operations on pictures of this size are made with; see `OperationsOptions`. */
export function operationsOptions(
  model: Model,
  { height, width }: Size,
  gradientScale = 1,
): OperationsOptions {
  const { layers, preprocessing } = model;
  return { height, width, layers: layers.map(({ layer }) => layer), preprocessing, gradientScale };
}

/** One layer of a recorded forward pass. */
interface ForwardLayer {
  readonly weights: LayerWeights;
  /** What its convolution read; undefined for conv1_1, which reads the picture. */
  readonly input: Activation | Pooled | undefined;
  readonly output: Activation;
}

export interface ForwardPass {
  readonly layers: readonly ForwardLayer[];
  /** The activation behind a ReLU; throws if the network was not loaded that far. */
  at(name: ReluName): Activation;
}

/**
 * Records the forward pass of `image`, [3][height][width] f32.
 *
 * Values are kept at `lossLayers` only, signs everywhere if `backward` will follow.
 */
export function recordForward(
  ops: Operations,
  model: Model,
  image: GPUBuffer,
  lossLayers: ReadonlySet<ReluName>,
  backward: boolean,
): ForwardPass {
  const layers: ForwardLayer[] = [];
  for (const weights of model.layers) {
    const keep = { mask: backward, features: lossLayers.has(reluName(weights.layer.name)) };
    const before = layers.at(-1)?.output;
    if (!before) {
      layers.push({ weights, input: undefined, output: ops.convInput(image, weights, keep) });
      continue;
    }
    const input = weights.layer.pooled ? ops.pool(before, model.pooling) : before;
    layers.push({ weights, input, output: ops.conv(input, weights, keep) });
  }
  const at = (name: ReluName): Activation => {
    const layer = layers.find(({ weights }) => reluName(weights.layer.name) === name);
    if (!layer) throw new Error(`Expected a forward pass through ${name} but it ends before.`);
    return layer.output;
  };
  return { layers, at };
}

/**
 * Records the backward pass of the losses: their values to their sinks, their gradient to `gradient`,
 * [3][height][width] f32.
 */
export function recordBackward(
  ops: Operations,
  { layers }: ForwardPass,
  losses: ReadonlyMap<ReluName, LayerLosses>,
  gradient: GPUBuffer,
): void {
  const lossesOn = ({ weights }: ForwardLayer): LayerLosses => losses.get(reluName(weights.layer.name)) ?? {};
  const last = layers.at(-1)!;
  let dz: FeatureMap = ops.lossBackward(last.output, lossesOn(last));
  for (let i = layers.length - 1; i > 0; i--) {
    const { weights, input } = layers[i]!;
    dz = ops.convBackward(dz, weights, input!, lossesOn(layers[i - 1]!));
  }
  ops.inputBackward(dz, layers[0]!.weights, gradient);
}
