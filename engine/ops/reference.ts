/** Every operation once more, plainly, in double precision: what the kernels are tested against. */

/** A feature map or picture, planar. */
export interface Planes {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** [channels][height][width] */
  readonly data: Float64Array;
}

export function planes(channels: number, height: number, width: number, data?: ArrayLike<number>): Planes {
  return {
    channels,
    height,
    width,
    data: data ? Float64Array.from(data) : new Float64Array(channels * height * width),
  };
}

const like = ({ channels, height, width }: Planes): Planes => planes(channels, height, width);

const map = (x: Planes, f: (value: number, i: number) => number): Planes => ({ ...x, data: x.data.map(f) });

/** 3x3 correlation with zero padding 1: y_o = bias_o + sum over i of w_oi * x_i. weight: OIHW. */
export function conv(x: Planes, weight: ArrayLike<number>, bias: ArrayLike<number>): Planes {
  const y = planes(bias.length, x.height, x.width);
  const pixels = x.height * x.width;
  for (let o = 0; o < y.channels; o++) {
    y.data.fill(bias[o]!, o * pixels, (o + 1) * pixels);
    for (let i = 0; i < x.channels; i++) {
      for (let tap = 0; tap < 9; tap++) {
        const w = weight[9 * (o * x.channels + i) + tap]!;
        eachRun(x, tap, (to, from, count) => {
          multiplyAdd(y.data, o * pixels + to, w, x.data, i * pixels + from, count);
        });
      }
    }
  }
  return y;
}

/** Gradient of `conv` with respect to its input, which has `inChannels`. */
export function dConv(dy: Planes, weight: ArrayLike<number>, inChannels: number): Planes {
  const dx = planes(inChannels, dy.height, dy.width);
  const pixels = dy.height * dy.width;
  for (let o = 0; o < dy.channels; o++) {
    for (let i = 0; i < inChannels; i++) {
      for (let tap = 0; tap < 9; tap++) {
        const w = weight[9 * (o * inChannels + i) + tap]!;
        eachRun(dy, tap, (to, from, count) => {
          multiplyAdd(dx.data, i * pixels + from, w, dy.data, o * pixels + to, count);
        });
      }
    }
  }
  return dx;
}

/**
 * Calls `visit` with each row's run of pixels and that which tap `tap` (row-major, 0 to 8) of a 3x3 kernel reads there.
 */
function eachRun(
  { height, width }: Planes,
  tap: number,
  visit: (to: number, from: number, count: number) => void,
): void {
  const dy = Math.floor(tap / 3) - 1;
  const dx = (tap % 3) - 1;
  for (let y = Math.max(0, -dy); y < Math.min(height, height - dy); y++) {
    visit(y * width + Math.max(0, -dx), (y + dy) * width + Math.max(0, dx), width - Math.abs(dx));
  }
}

/** y[to + k] += w * x[from + k] for k from 0 to count - 1 */
function multiplyAdd(
  y: Float64Array,
  to: number,
  w: number,
  x: Float64Array,
  from: number,
  count: number,
): void {
  for (let k = 0; k < count; k++) y[to + k]! += w * x[from + k]!;
}

export const relu = (x: Planes): Planes => map(x, (value) => Math.max(value, 0));

/** Gradient of `relu`, given its output. */
export const dRelu = (dy: Planes, output: Planes): Planes =>
  map(dy, (value, i) => (output.data[i]! > 0 ? value : 0));

export const add = (a: Planes, b: Planes): Planes => map(a, (value, i) => value + b.data[i]!);

/** (rgb[order[c]] - mean[c]) / std[c] */
export function preprocess(image: Planes, { order, mean, std }: PreprocessingNumbers): Planes {
  const pixels = image.height * image.width;
  return map(image, (_, i) => {
    const c = Math.floor(i / pixels);
    return (image.data[order[c]! * pixels + (i % pixels)]! - mean[c]!) / std[c]!;
  });
}

export interface PreprocessingNumbers {
  readonly order: readonly number[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Gradient of `preprocess`. */
export function dPreprocess(dy: Planes, { order, std }: PreprocessingNumbers): Planes {
  const dx = like(dy);
  const pixels = dy.height * dy.width;
  for (let i = 0; i < dy.data.length; i++) {
    const c = Math.floor(i / pixels);
    dx.data[order[c]! * pixels + (i % pixels)] = dy.data[i]! / std[c]!;
  }
  return dx;
}

/** 2x2 pool of stride 2; an odd last row or column is dropped. */
export function pool(x: Planes, pooling: "avg" | "max"): Planes {
  const y = planes(x.channels, x.height >> 1, x.width >> 1);
  for (let i = 0; i < y.data.length; i++) {
    const values = window(y, x, i).map((from) => x.data[from]!);
    y.data[i] = pooling === "max" ? Math.max(...values) : values.reduce((a, b) => a + b) / 4;
  }
  return y;
}

/** Gradient of `pool` at x. The first of equal maxima, in row-major order, takes it all. */
export function dPool(dy: Planes, x: Planes, pooling: "avg" | "max"): Planes {
  const dx = like(x);
  for (let i = 0; i < dy.data.length; i++) {
    const from = window(dy, x, i);
    if (pooling === "avg") for (const j of from) dx.data[j]! += dy.data[i]! / 4;
    else {
      const winner = from.reduce((best, j) => (x.data[j]! > x.data[best]! ? j : best));
      dx.data[winner]! += dy.data[i]!;
    }
  }
  return dx;
}

/** Indices in x of the four values that value i of the pooled map y comes from. */
function window(y: Planes, x: Planes, i: number): number[] {
  const column = i % y.width;
  const row = Math.floor(i / y.width) % y.height;
  const channel = Math.floor(i / (y.width * y.height));
  const first = (channel * x.height + 2 * row) * x.width + 2 * column;
  return [first, first + 1, first + x.width, first + x.width + 1];
}

/** F F^T / (height * width), [channels][channels]. */
export function gram({ channels, height, width, data }: Planes): Float64Array {
  const pixels = height * width;
  const g = new Float64Array(channels * channels);
  for (let i = 0; i < channels; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let p = 0; p < pixels; p++) sum += data[i * pixels + p]! * data[j * pixels + p]!;
      g[i * channels + j] = sum / pixels;
      g[j * channels + i] = sum / pixels;
    }
  }
  return g;
}

export interface ValueAndGradient {
  readonly value: number;
  readonly gradient: Planes;
}

/** scale * sum((gram(x) - target)^2) */
export function styleLoss(x: Planes, target: ArrayLike<number>, scale: number): ValueAndGradient {
  const { channels, height, width, data } = x;
  const pixels = height * width;
  const difference = gram(x).map((value, i) => value - target[i]!);
  const gradient = like(x);
  for (let i = 0; i < channels; i++) {
    for (let j = 0; j < channels; j++) {
      const e = ((4 * scale) / pixels) * difference[i * channels + j]!;
      for (let p = 0; p < pixels; p++) gradient.data[i * pixels + p]! += e * data[j * pixels + p]!;
    }
  }
  return { value: scale * sumOfSquares(difference), gradient };
}

/** scale * sum((x - target)^2) */
export function contentLoss(x: Planes, target: Planes, scale: number): ValueAndGradient {
  const difference = map(x, (value, i) => value - target.data[i]!);
  return {
    value: scale * sumOfSquares(difference.data),
    gradient: map(difference, (value) => 2 * scale * value),
  };
}

/** weight * (mean of squared differences of horizontal neighbours + the same of vertical ones) */
export function totalVariation(x: Planes, weight: number): ValueAndGradient {
  const { channels, height, width, data } = x;
  const gradient = like(x);
  let value = 0;
  const pair = (a: number, b: number, scale: number) => {
    const difference = data[a]! - data[b]!;
    value += scale * difference ** 2;
    gradient.data[a]! += 2 * scale * difference;
    gradient.data[b]! -= 2 * scale * difference;
  };
  const horizontal = weight / (channels * height * (width - 1));
  const vertical = weight / (channels * (height - 1) * width);
  for (let i = 0; i < data.length; i++) {
    if (i % width < width - 1) pair(i, i + 1, horizontal);
    if (Math.floor(i / width) % height < height - 1) pair(i, i + width, vertical);
  }
  return { value, gradient };
}

export const sumOfSquares = (values: Float64Array): number => values.reduce((sum, v) => sum + v * v, 0);
