/**
 * Kernels for real GPUs, in f32: convolutions as tiled implicit matrix products or by Winograd's algorithm, Gram products, everything in
 * buffers of texels.
 *
 * What runs where nothing was tuned asks for no more than every WebGPU adapter offers (256 invocations and 16 KiB of workgroup memory a
 * workgroup, no features).
 */
import type { Arena } from "../gpu/arena.ts";
import type { GpuContext } from "../gpu/context.ts";
import type { ConvWeights } from "../network/types.ts";
import type { ConvLayer } from "../network/vgg19.ts";
import { mapTexels } from "./elementwise.ts";
import type { KernelFamily } from "./family.ts";
import { mapShape, packBackward, packForward, packInputBackward } from "./gpu/layout.ts";
import { GpuOperations } from "./gpu/operations.ts";
import { DirectedWeights, type GpuLayerWeights } from "./gpu/weights.ts";

export function gpuFamily(context: GpuContext): KernelFamily {
  return {
    name: "gpu",
    largestBuffer: ({ height, width }) => 16 * mapTexels(mapShape(64, height, width)),
    loadWeights: (arena, layer, weights) => loadLayer(context, arena, layer, weights),
    operations: (program, arena, size, preprocessing) =>
      new GpuOperations(context, program, arena, size, preprocessing),
  };
}

function loadLayer(
  context: GpuContext,
  arena: Arena,
  layer: ConvLayer,
  { weight, bias: values }: ConvWeights,
): GpuLayerWeights {
  const { name, outChannels, inChannels } = layer;
  const bias = arena.bufferWith(`${name} bias`, values);
  const packed = packForward(weight, outChannels, inChannels);
  if (inChannels === 3) {
    const forward = arena.bufferWith(`${name} weights`, packed);
    const backward = arena.bufferWith(`${name} weights, backward`, packInputBackward(weight, outChannels));
    return { layer, forward, backward, bias, directed: undefined };
  }
  const forward = new DirectedWeights(context, arena, `${name} weights`, packed);
  const turned = packBackward(weight, outChannels, inChannels);
  const backward = new DirectedWeights(context, arena, `${name} weights, backward`, turned);
  return { layer, forward: forward.buffer, backward: backward.buffer, bias, directed: { forward, backward } };
}
