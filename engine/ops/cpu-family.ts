/**
 * Kernels for llvmpipe, the software Vulkan driver: Winograd F(4x4, 3x3) convolutions, Gram products and style gradients, all through
 * one matrix product whose shader is generated as straight-line text.
 *
 * Reads go through textures, writes to buffers, with a copy between: see cpu/text.ts for what llvmpipe makes fast.
 */
import type { Arena } from "../gpu/arena.ts";
import type { GpuContext } from "../gpu/context.ts";
import { linearGrid, Program } from "../gpu/program.ts";
import type { ConvWeights } from "../network/types.ts";
import type { ConvLayer } from "../network/vgg19.ts";
import { mapShape, roundUp, type TileShape, tileShape } from "./cpu/layout.ts";
import { cpuOperations } from "./cpu/operations.ts";
import { copyFlat, type FlatTexture, flatTexture } from "./cpu/textures.ts";
import { POSITIONS } from "./cpu/winograd-shaders.ts";
import { mapTexels } from "./elementwise.ts";
import type { KernelFamily, LayerWeights } from "./family.ts";

export function cpuFamily(context: GpuContext): KernelFamily {
  return {
    name: "cpu",
    precision: "f32",
    largestBuffer: ({ height, width }) => 16 * mapTexels(mapShape(64, height, width)),
    loadWeights: (arena, layer, weights) => loadWeights(context, arena, layer, weights),
    uploadFeatures: (arena, label, values) => arena.bufferWith(label, values),
    operations: (program, arena, size, preprocessing) =>
      cpuOperations(context, program, arena, size, preprocessing),
  };
}

/** Transforms a layer's weights on the device, for both directions. Flat textures, [36][tiles] as winograd_weights.wgsl writes them. */
async function loadWeights(
  context: GpuContext,
  arena: Arena,
  layer: ConvLayer,
  { weight, bias }: ConvWeights,
): Promise<LayerWeights> {
  using scratch = context.arena("weights");
  const program = new Program(context, scratch);
  const w = scratch.bufferWith("weights", weight);
  const transform = (transposed: boolean): FlatTexture => {
    const [rows, depth] = [layer.outChannels, layer.inChannels];
    const size = transposed ? { rows: depth, depth: rows } : { rows, depth };
    return recordTransform(context, program, scratch, arena, w, size, transposed);
  };
  const [forward, backward] = [transform(false), transform(true)];
  await program.run(); // waits, so that the scratch of one layer is freed before the next
  return {
    layer,
    forward: forward.view,
    backward: backward.view,
    bias: arena.bufferWith(`${layer.name} bias`, bias),
  };
}

function recordTransform(
  context: GpuContext,
  program: Program,
  scratch: Arena,
  arena: Arena,
  w: GPUBuffer,
  real: TileShape,
  transposed: boolean,
): FlatTexture {
  const [rows, depth] = [roundUp(real.rows, 4), roundUp(real.depth, 4)];
  const tile = tileShape(rows, depth);
  const texels = (POSITIONS * rows * depth) / 4;
  const target = flatTexture(arena, "weights", texels);
  const u = scratch.buffer("transformed", 16 * texels);
  program.dispatch(
    context.kernel("winograd_weights", { libs: ["linear_index"] }),
    { w, u },
    {
      rows,
      depth,
      real_rows: real.rows,
      real_depth: real.depth,
      tile_rows: tile.rows,
      tile_depth: tile.depth,
      transposed: Number(transposed),
    },
    linearGrid(Math.ceil((rows * depth) / 4 / 64)),
  );
  copyFlat(program, u, target, texels);
  return target;
}
