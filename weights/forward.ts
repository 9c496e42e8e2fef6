/** A plain forward pass on the CPU, for what must be known of a network before it runs on a GPU. */
import type { Preprocessing } from "../engine/network/types.ts";
import type { Picture } from "../engine/picture.ts";

/** A feature map with a border of zeros one pixel wide, so that a 3x3 convolution needs no special case. */
export interface Padded {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** [channels][height + 2][width + 2] */
  readonly data: Float32Array;
}

function padded(channels: number, height: number, width: number): Padded {
  return { channels, height, width, data: new Float32Array(channels * (height + 2) * (width + 2)) };
}

function fill(map: Padded, valueAt: (channel: number, y: number, x: number) => number): Padded {
  const { channels, height, width, data } = map;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const row = (c * (height + 2) + y + 1) * (width + 2) + 1;
      for (let x = 0; x < width; x++) data[row + x] = valueAt(c, y, x);
    }
  }
  return map;
}

/** The network's input, [3][height + 2][width + 2]. */
export function preprocess({ width, height, data }: Picture, { order, mean, std }: Preprocessing): Padded {
  const value = (c: number, y: number, x: number) =>
    (data[(order[c]! * height + y) * width + x]! - mean[c]!) / std[c]!;
  return fill(padded(3, height, width), value);
}

export function averagePool(map: Padded): Padded {
  const { channels, height, width, data } = map;
  const at = (c: number, y: number, x: number) => data[(c * (height + 2) + y + 1) * (width + 2) + x + 1]!;
  const mean = (c: number, y: number, x: number) =>
    (at(c, 2 * y, 2 * x) + at(c, 2 * y, 2 * x + 1) + at(c, 2 * y + 1, 2 * x) + at(c, 2 * y + 1, 2 * x + 1)) /
    4;
  return fill(padded(channels, Math.floor(height / 2), Math.floor(width / 2)), mean);
}

/** 3x3 correlation with zero padding, without bias. weight: OIHW. */
export function convolve(input: Padded, weight: Float32Array): Padded {
  const { channels, height, width } = input;
  const output = padded(weight.length / (9 * channels), height, width);
  const stride = width + 2;
  const plane = (height + 2) * stride;
  for (let o = 0; o < output.channels; o++) {
    for (let i = 0; i < channels; i++) {
      const kernel = weight.subarray(9 * (o * channels + i), 9 * (o * channels + i) + 9);
      addCorrelation(output.data, o * plane, input.data, i * plane, kernel, height, stride);
    }
  }
  return output;
}

/** Adds the correlation of one padded plane with one kernel to another, row by row. */
function addCorrelation(
  output: Float32Array,
  to: number,
  input: Float32Array,
  from: number,
  kernel: Float32Array,
  height: number,
  stride: number,
): void {
  const [a, b, c, d, e, f, g, h, i] = kernel as unknown as [
    number, number, number, number, number, number, number, number, number,
  ]; // biome-ignore format: one row
  for (let y = 1; y <= height; y++) {
    const row = y * stride;
    for (let x = row + 1; x < row + stride - 1; x++) {
      const p = from + x - stride;
      const q = from + x;
      const r = from + x + stride;
      output[to + x]! +=
        a * input[p - 1]! +
        b * input[p]! +
        c * input[p + 1]! +
        d * input[q - 1]! +
        e * input[q]! +
        f * input[q + 1]! +
        g * input[r - 1]! +
        h * input[r]! +
        i * input[r + 1]!;
    }
  }
}

/** The ReLU of each channel times its scale plus its bias, in place. */
export function activate(map: Padded, scale: Float32Array, bias: Float32Array): Padded {
  const { height, width, data } = map;
  const relu = (c: number, y: number, x: number) =>
    Math.max(0, data[(c * (height + 2) + y + 1) * (width + 2) + x + 1]! * scale[c]! + bias[c]!);
  return fill(map, relu);
}
