/** Between the interleaved integers of picture files and planar floats. */

import type { Picture } from "../engine/picture.ts";
import { resamplePlanes } from "../engine/resample.ts";

/** What is put back of a picture's transparency, at whatever size it has. */
export type Transparency = Pick<Picture, "width" | "height" | "opacity">;

/** How a decoder's integers are to be read. */
export interface SampleLayout {
  readonly width: number;
  readonly height: number;
  /** Channels of a pixel: grey where there are fewer than three, else RGB, then any others. */
  readonly channels: number;
  /** Index of the channel that is opacity, if one is. */
  readonly opacity?: number | undefined;
  /** What stands for 1. */
  readonly max: number;
}

/**
 * [height][width][channels] integers up to `max` -> a picture of floats, with opacity where any pixel is not opaque.
 */
export function toPlanes(
  samples: ArrayLike<number>,
  { width, height, channels, opacity: opacityAt, max }: SampleLayout,
): Picture {
  const pixels = width * height;
  const plane = (channel: number, into: Float32Array) => {
    for (let i = 0; i < pixels; i++) into[i] = samples[i * channels + channel]! / max;
    return into;
  };
  const isOpaque = (channel: number) => {
    for (let i = channel; i < pixels * channels; i += channels) if (samples[i]! < max) return false;
    return true;
  };
  const data = new Float32Array(3 * pixels);
  for (let c = 0; c < 3; c++) plane(channels < 3 ? 0 : c, data.subarray(c * pixels, (c + 1) * pixels));
  if (opacityAt === undefined || isOpaque(opacityAt)) return { width, height, data };
  return { width, height, data, opacity: plane(opacityAt, new Float32Array(pixels)) };
}

/**
 * [3][height][width] floats, and opacity at any size -> [height][width][3 or 4] integers up to 255, or 65535 if `deep`.
 *
 * Values outside [0,1] are clipped here and nowhere before.
 */
export function toSamples(
  { width, height, data }: Picture,
  transparency: Transparency | undefined,
  deep: boolean,
): Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  const pixels = width * height;
  const alpha =
    transparency?.opacity && resamplePlanes(transparency.opacity, 1, transparency, { width, height });
  const channels = alpha ? 4 : 3;
  const max = deep ? 65535 : 255;
  const samples = deep ? new Uint16Array(pixels * channels) : new Uint8Array(pixels * channels);
  for (let c = 0; c < channels; c++) {
    const plane = c < 3 ? data.subarray(c * pixels, (c + 1) * pixels) : alpha!;
    for (let i = 0; i < pixels; i++) {
      samples[i * channels + c] = Math.round(Math.min(Math.max(plane[i]!, 0), 1) * max);
    }
  }
  return samples;
}
