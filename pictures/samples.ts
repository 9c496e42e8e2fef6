/** Between the interleaved integers of picture files and planar floats. */
import { resamplePlanes } from "../engine/resample.ts";
import type { Picture } from "../engine/types.ts";

export interface Transparency {
  readonly width: number;
  readonly height: number;
  /** [height][width] opacity in [0,1] */
  readonly alpha: Float32Array;
}

/** [height][width][channels] integers up to `max` -> [3][height][width] floats, and the fourth channel apart. */
export function toPlanes(
  samples: ArrayLike<number>,
  width: number,
  height: number,
  channels: number,
  max: number,
): { picture: Picture; alpha: Float32Array | undefined } {
  const pixels = width * height;
  const plane = (channel: number, into: Float32Array) => {
    for (let i = 0; i < pixels; i++) into[i] = samples[i * channels + channel]! / max;
    return into;
  };
  const data = new Float32Array(3 * pixels);
  for (let c = 0; c < 3; c++) plane(c, data.subarray(c * pixels, (c + 1) * pixels));
  const alpha = channels === 4 ? plane(3, new Float32Array(pixels)) : undefined;
  return { picture: { width, height, data }, alpha };
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
  const alpha = transparency && resamplePlanes(transparency.alpha, 1, transparency, { width, height });
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
