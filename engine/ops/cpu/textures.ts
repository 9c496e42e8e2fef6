/** Textures that the cpu family reads through, and the copies that fill them. */
import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import type { Program } from "../../gpu/program.ts";
import type { MapShape } from "../family.ts";
import { FLAT_WIDTH } from "./text.ts";

/** A flat array of texels: texel i at (i % 2048, i / 2048). */
export interface FlatTexture {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
}

export function flatTexture(arena: Arena, label: string, texels: number): FlatTexture {
  const texture = arena.texture(label, FLAT_WIDTH, Math.ceil(texels / FLAT_WIDTH));
  return { texture, view: texture.createView({ dimension: "2d" }) };
}

/** One that holds `values`, four a texel, written without a program. */
export function flatTextureWith(
  { device }: GpuContext,
  arena: Arena,
  label: string,
  values: Float32Array,
): FlatTexture {
  const flat = flatTexture(arena, label, values.length / 4);
  const rows = Math.ceil(values.length / 4 / FLAT_WIDTH);
  const whole = new Float32Array(4 * FLAT_WIDTH * rows);
  whole.set(values);
  device.queue.writeTexture({ texture: flat.texture }, whole, { bytesPerRow: 16 * FLAT_WIDTH }, [
    FLAT_WIDTH,
    rows,
  ]);
  return flat;
}

/** Copies the first `texels` texels of a buffer. */
export function copyFlat(
  program: Program,
  source: GPUBuffer,
  target: FlatTexture,
  texels: number,
  tag = "copy",
): void {
  const rows = Math.floor(texels / FLAT_WIDTH);
  const rest = texels % FLAT_WIDTH;
  const copy = (row: number, width: number, height: number) =>
    program.copyToTexture(
      {
        source,
        offset: 16 * FLAT_WIDTH * row,
        bytesPerRow: 16 * FLAT_WIDTH,
        rowsPerImage: height,
        texture: target.texture,
        origin: [0, row, 0],
        size: [width, height, 1],
      },
      tag,
    );
  if (rows > 0) copy(0, FLAT_WIDTH, rows);
  if (rest > 0) copy(rows, rest, 1);
}

/**
 * A map with a border of one zero texel: layer c4, texel (x + 1, y + 1). Whole 4x4 tiles, so that no read leaves it.
 */
export interface MapTexture {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
}

export function mapTexture(arena: Arena, label: string, { channels, rows, width }: MapShape): MapTexture {
  const texture = arena.texture(label, Math.ceil(width / 4) * 4 + 2, rows + 2, Math.ceil(channels / 4));
  return { texture, view: texture.createView({ dimension: "2d-array" }) };
}

/** Copies a map from a buffer of flat texels; the border is never written. */
export function copyMap(
  program: Program,
  source: GPUBuffer,
  target: MapTexture,
  shape: MapShape,
  tag = "copy",
): void {
  program.copyToTexture(
    {
      source,
      bytesPerRow: 16 * shape.pitch,
      rowsPerImage: shape.rows,
      texture: target.texture,
      origin: [1, 1, 0],
      size: [shape.width, shape.height, Math.ceil(shape.channels / 4)],
    },
    tag,
  );
}
