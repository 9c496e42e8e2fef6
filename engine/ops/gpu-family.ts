/**
 * Kernels for real GPUs, in f32: convolutions as tiled implicit matrix products, Gram products, everything in buffers of texels.
 *
 * They ask for no more than every WebGPU adapter offers (256 invocations and 16 KiB of workgroup memory a workgroup, no features).
 */
import type { GpuContext } from "../gpu/context.ts";
import { mapTexels } from "./elementwise.ts";
import type { KernelFamily } from "./family.ts";
import { mapShape, packBackward, packForward, packInputBackward } from "./gpu/layout.ts";
import { GpuOperations } from "./gpu/operations.ts";

export function gpuFamily(context: GpuContext): KernelFamily {
  return {
    name: "gpu",
    largestBuffer: ({ height, width }) => 16 * mapTexels(mapShape(64, height, width)),
    loadWeights: (arena, layer, { weight, bias }) => {
      const { name, outChannels, inChannels } = layer;
      const backward =
        inChannels === 3
          ? packInputBackward(weight, outChannels)
          : packBackward(weight, outChannels, inChannels);
      return {
        layer,
        forward: arena.bufferWith(`${name} weights`, packForward(weight, outChannels, inChannels)),
        backward: arena.bufferWith(`${name} weights, backward`, backward),
        bias: arena.bufferWith(`${name} bias`, bias),
      };
    },
    operations: (program, arena, size, preprocessing) =>
      new GpuOperations(context, program, arena, size, preprocessing),
  };
}
