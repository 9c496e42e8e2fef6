/**
 * Kernels for llvmpipe, the software Vulkan driver: Winograd F(4x4, 3x3) convolutions, Gram products and style
 * gradients, all through one matrix product whose shader is generated as straight-line text.
 *
 * Reads go through textures, writes to buffers, with a copy between: see cpu/text.ts for what llvmpipe makes fast.
 */

import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import { linearGrid, Program } from "../../gpu/program.ts";
import type { ConvLayer } from "../../network/layers.ts";
import type { ConvWeights } from "../../network/types.ts";
import { mostTexels } from "../elementwise.ts";
import type { KernelFamily, LayerWeights } from "../family.ts";
import { directTexels, isDirect } from "./direct.ts";
import { mapShape } from "./layout.ts";
import { CpuOperations } from "./operations.ts";
import { BLOCK_COLUMNS } from "./text.ts";
import { copyFlat, flatTexture, flatTextureWith } from "./textures.ts";
import { POSITIONS } from "./winograd-shaders.ts";

export function cpuFamily(context: GpuContext): KernelFamily {
  return {
    name: "cpu",
    precision: "f32",
    channelMultiple: BLOCK_COLUMNS,
    largestBuffer: (layers, size) => 16 * mostTexels(layers, size, BLOCK_COLUMNS, mapShape),
    loadWeights: (arena, layer, weights) => loadWeights(context, arena, layer, weights),
    uploadFeatures: (arena, label, values) => arena.bufferWith(label, values),
    operations: (program, arena, options) => new CpuOperations(context, program, arena, options),
  };
}

/**
 * Weights of direct sums, in an order for each direction, or Winograd's transforms, made on the device, which both
 * directions read: a convolution with the taps turned round is that of the map turned round, turned back.
 */
async function loadWeights(
  context: GpuContext,
  arena: Arena,
  layer: ConvLayer,
  { weight, bias }: ConvWeights,
): Promise<LayerWeights> {
  const common = { layer, bias: arena.bufferWith(`${layer.name} bias`, bias) };
  if (isDirect(layer)) {
    const load = (turned: boolean) =>
      flatTextureWith(context, arena, "weights", directTexels(layer, weight, turned)).view;
    return { ...common, forward: load(false), backward: load(true) };
  }
  using scratch = context.arena("weights");
  const program = new Program(context, scratch);
  const depth = layer.inChannels;
  const plane = (layer.outChannels / 4) * depth;
  const texels = POSITIONS * plane;
  const u = scratch.buffer("transformed", 16 * texels);
  program.dispatch(
    context.kernel("winograd_weights", { libs: ["linear_index", "winograd4"] }),
    { w: scratch.bufferWith("weights", weight), u },
    { plane, depth, zero: 0 },
    linearGrid(Math.ceil(plane / 64)),
  );
  const transformed = flatTexture(arena, "weights", texels);
  copyFlat(program, u, transformed, texels);
  await program.run(); // waits, so that the scratch of one layer is freed before the next
  const { view } = transformed;
  return { ...common, forward: view, backward: view };
}
