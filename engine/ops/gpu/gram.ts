/** Gram matrices on the gpu family: dispatches gram_product.wgsl and gram_reduce.wgsl. */
import type { GpuContext } from "../../gpu/context.ts";
import type { Precision } from "../../gpu/precision.ts";
import { linearGrid, type Program, type Resource } from "../../gpu/program.ts";
import type { MapShape } from "../family.ts";
import { GpuScratch } from "./scratch.ts";

/** Pixels that are worth a workgroup of their own. */
const MIN_CHUNK = 256;

/** How a Gram product is split: tiles of 64 x 64 on and above the diagonal, times chunks of pixels. */
export function gramSplit(channels: number, pixels: number) {
  const side = Math.ceil(channels / 64);
  const tiles = (side * (side + 1)) / 2;
  const wanted = Math.min(Math.ceil(pixels / MIN_CHUNK), Math.floor(GpuScratch.gramGroups / tiles));
  const chunkPixels = 16 * Math.ceil(pixels / wanted / 16);
  return { tiles, chunkPixels, chunks: Math.ceil(pixels / chunkPixels) };
}

/** Records gram = F F^T / (height * width), [channels][channels] f32, of features F in flat texels. */
export function recordGram(
  context: GpuContext,
  program: Program,
  precision: Precision,
  scratch: GpuScratch,
  { channels, height, width }: MapShape,
  features: Resource,
  gram: GPUBuffer,
): void {
  const pixels = height * width;
  const { tiles, chunkPixels, chunks } = gramSplit(channels, pixels);
  const partials = scratch.gramPartials();
  const tag = `gram ${channels}`;
  program.dispatch(
    context.kernel("gram_product", { libs: [`texel_${precision}`] }),
    { x: features, partials },
    { pixels, channels, chunk_pixels: chunkPixels },
    [tiles, chunks, 1],
    tag,
  );
  program.dispatch(
    context.kernel("gram_reduce", { libs: ["linear_index"] }),
    { partials, gram },
    { channels, tiles, chunks, scale: 1 / pixels },
    linearGrid(channels ** 2 / 64),
    tag,
  );
}
