/** Resampling of pictures in floating point: nothing is rounded or clipped. */
import { withSpreadColours } from "./opacity.ts";
import type { Picture, Size } from "./picture.ts";

/** Which inputs make up each output of one axis, and with what weight. */
interface Taps {
  /** [outputs] index of the first input of each output */
  readonly first: Int32Array;
  /** [outputs][taps]; each output's weights sum to 1, those beyond the picture are 0 */
  readonly weights: Float64Array;
  readonly taps: number;
}

/** Weight of an input by its distance; the support is at most 2 to either side. */
type Filter = (distance: number) => number;

/**
 * Catmull and Rom's cubic (Keys 1981 with a = -1/2): reproduces constants and linear ramps, rings little.
 *
 * Support: 2 to either side.
 */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/** Linear interpolation: no weight is negative. Support: 1 to either side. */
export function tent(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

/** Pixel centres lie at i + 1/2. When shrinking, the filter is as much wider, which averages: no aliasing. */
function tapsOf(inputs: number, outputs: number, filter: Filter): Taps {
  const ratio = inputs / outputs;
  const stretch = Math.max(1, ratio);
  const taps = Math.min(inputs, Math.ceil(4 * stretch) + 1);
  const first = new Int32Array(outputs);
  const weights = new Float64Array(outputs * taps);
  for (let o = 0; o < outputs; o++) {
    const centre = (o + 0.5) * ratio - 0.5;
    const start = Math.min(Math.max(0, Math.ceil(centre - 2 * stretch)), inputs - taps);
    let sum = 0;
    for (let k = 0; k < taps; k++) sum += filter((start + k - centre) / stretch);
    first[o] = start;
    for (let k = 0; k < taps; k++) {
      weights[o * taps + k] = filter((start + k - centre) / stretch) / sum;
    }
  }
  return { first, weights, taps };
}

/** `rows` lines of `inputs` values each -> `rows` lines of `outputs` values each. */
function resampleRows(
  data: Float32Array,
  rows: number,
  inputs: number,
  outputs: number,
  filter: Filter,
): Float32Array {
  if (inputs === outputs) return data;
  const { first, weights, taps } = tapsOf(inputs, outputs, filter);
  const result = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      const from = row * inputs + first[o]!;
      let sum = 0;
      for (let k = 0; k < taps; k++) sum += weights[o * taps + k]! * data[from + k]!;
      result[row * outputs + o] = sum;
    }
  }
  return result;
}

/** A plane of `inputs` lines of `width` values -> a plane of `outputs` lines, for each of `planes` planes. */
function resampleColumns(
  data: Float32Array,
  planes: number,
  width: number,
  inputs: number,
  outputs: number,
  filter: Filter,
): Float32Array {
  if (inputs === outputs) return data;
  const { first, weights, taps } = tapsOf(inputs, outputs, filter);
  const result = new Float32Array(planes * outputs * width);
  const line = new Float64Array(width);
  for (let p = 0; p < planes; p++) {
    for (let o = 0; o < outputs; o++) {
      line.fill(0);
      for (let k = 0; k < taps; k++) {
        const weight = weights[o * taps + k]!;
        const from = (p * inputs + first[o]! + k) * width;
        for (let x = 0; x < width; x++) line[x]! += weight * data[from + x]!;
      }
      result.set(line, (p * outputs + o) * width);
    }
  }
  return result;
}

/**
 * Resamples `planes` planes of `from.height` x `from.width` values to `to.height` x `to.width`, in pixels.
 *
 * Bicubic (Catmull-Rom) unless told otherwise, antialiased when shrinking, edges by renormalised weights. The values
 * may overshoot those of the input by a little.
 */
export function resamplePlanes(
  data: Float32Array,
  planes: number,
  from: Size,
  to: Size,
  filter: Filter = cubic,
): Float32Array {
  const narrow = resampleRows(data, planes * from.height, from.width, to.width, filter);
  return resampleColumns(narrow, planes, to.width, from.height, to.height, filter);
}

/**
 * The picture at `width` x `height` pixels; itself if it already has that size. See `resamplePlanes`.
 *
 * Colours count by their opacity, so those of transparent parts never get into the others. Where no colour is left to
 * be seen, they are spread from where one is, as `withSpreadColours` does.
 */
export function resample(picture: Picture, width: number, height: number): Picture {
  if (picture.width === width && picture.height === height) return picture;
  const to = { width, height };
  if (picture.opacity) return resampleSeen(picture, picture.opacity, to);
  return { width, height, data: resamplePlanes(picture.data, 3, picture, to) };
}

/** Least part of an average of opacity that must be left for colours to be divided by it. */
const TRUSTED = 1 / 2;
const LEAST_OPACITY = 1e-4;

function resampleSeen(picture: Picture, opacity: Float32Array, to: Size): Picture {
  const pixels = opacity.length;
  const multiplied = picture.data.map((value, i) => value * opacity[i % pixels]!);
  const data = resamplePlanes(multiplied, 3, picture, to);
  const opacities = resamplePlanes(opacity, 1, picture, to);
  const averages = resamplePlanes(opacity, 1, picture, to, tent);
  // Outside an edge the cubic's negative lobes take away most of the opacity, and what is left of the colours is noise.
  const weights = opacities.map((sum, i) =>
    sum > Math.max(TRUSTED * averages[i]!, LEAST_OPACITY) ? sum : 0,
  );
  for (let i = 0; i < data.length; i++) data[i]! /= weights[i % weights.length]! || 1;
  const clipped = opacities.map((sum) => Math.min(Math.max(sum, 0), 1));
  return withSpreadColours({ ...to, data, opacity: clipped }, weights);
}
