/**
 * Kernels for real GPUs, in f32: convolutions as tiled implicit matrix products or by Winograd's algorithm, Gram
 * products, everything in buffers of texels.
 *
 * What runs in f32 where nothing was tuned asks for no more than every WebGPU adapter offers (256 invocations and 16
 * KiB of workgroup memory a workgroup, no features). In f16, which needs shader-f16, maps, features, gradients on them
 * and the weights behind the first layer take half the memory; sums, Gram matrices, losses, the picture and its
 * gradient stay f32.
 */
import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import { type Precision, stored } from "../../gpu/precision.ts";
import type { ConvLayer } from "../../network/layers.ts";
import type { ConvWeights } from "../../network/types.ts";
import type { KernelFamily } from "../family.ts";
import { largestMapBytes, MASK_CHANNELS, packBackward, packForward, packInputBackward } from "./layout.ts";
import { GpuOperations } from "./operations.ts";
import { DirectedWeights, type GpuLayerWeights } from "./weights.ts";

export function gpuFamily(context: GpuContext, precision: Precision): KernelFamily {
  return {
    name: "gpu",
    precision,
    channelMultiple: MASK_CHANNELS,
    largestBuffer: (layers, size) => largestMapBytes(layers, size, precision),
    loadWeights: (arena, layer, weights) => loadLayer(context, precision, arena, layer, weights),
    uploadFeatures: (arena, label, values) => arena.bufferWith(label, stored(values, precision)),
    operations: (program, arena, options) =>
      new GpuOperations(context, program, arena, { ...options, precision }),
  };
}

function loadLayer(
  context: GpuContext,
  precision: Precision,
  arena: Arena,
  layer: ConvLayer,
  { weight, bias: values }: ConvWeights,
): GpuLayerWeights {
  const { name, outChannels, inChannels } = layer;
  const bias = arena.bufferWith(`${name} bias`, values);
  const packed = packForward(weight, outChannels, inChannels);
  if (inChannels === 3) {
    // Those between picture and first map are few, and f32 as the picture is.
    const forward = arena.bufferWith(`${name} weights`, packed);
    const backward = arena.bufferWith(`${name} weights, backward`, packInputBackward(weight, outChannels));
    return { layer, forward, backward, bias, directed: undefined };
  }
  const forward = new DirectedWeights(context, arena, `${name} weights`, packed, precision);
  const turned = packBackward(weight, outChannels, inChannels);
  const backward = new DirectedWeights(context, arena, `${name} weights, backward`, turned, precision);
  return { layer, forward: forward.buffer, backward: backward.buffer, bias, directed: { forward, backward } };
}
