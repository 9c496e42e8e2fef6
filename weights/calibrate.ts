/**
 * Makes weights/generated-calibration.ts again: for every channel of the generated network the scale and the bias that give its
 * response in front of the ReLU deviation 1, and the mean that its threshold says, on the example pictures. `npx tsx weights/calibrate.ts`, about two minutes on one core.
 */
import { readdir, writeFile } from "node:fs/promises";
import { torchvisionPreprocessing } from "../engine/network/types.ts";
import type { ConvLayer } from "../engine/network/vgg19.ts";
import type { Picture } from "../engine/types.ts";
import { decodePicture, longSide } from "../pictures/index.ts";
import { generatedLayers, rawWeights, thresholds } from "./generated.ts";

const PICTURE_SIZE = 181;

/** A feature map with a border of zeros one pixel wide, so that a 3x3 convolution needs no special case. */
interface Padded {
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

function preprocess({ width, height, data }: Picture): Padded {
  const { mean, std } = torchvisionPreprocessing;
  const value = (c: number, y: number, x: number) =>
    (data[(c * height + y) * width + x]! - mean[c]!) / std[c]!;
  return fill(padded(3, height, width), value);
}

function averagePool(map: Padded): Padded {
  const { channels, height, width, data } = map;
  const at = (c: number, y: number, x: number) => data[(c * (height + 2) + y + 1) * (width + 2) + x + 1]!;
  const mean = (c: number, y: number, x: number) =>
    (at(c, 2 * y, 2 * x) + at(c, 2 * y, 2 * x + 1) + at(c, 2 * y + 1, 2 * x) + at(c, 2 * y + 1, 2 * x + 1)) /
    4;
  return fill(padded(channels, Math.floor(height / 2), Math.floor(width / 2)), mean);
}

/** 3x3 correlation with zero padding, without bias. weight: OIHW. */
function convolve(input: Padded, weight: Float32Array): Padded {
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

/** The scale and bias of each channel that give `maps` together deviation 1 and the mean that its threshold says. */
function normalise(
  maps: readonly Padded[],
  means: readonly number[],
): { scale: Float32Array; bias: Float32Array } {
  const channels = maps[0]!.channels;
  const count = maps.reduce((sum, { height, width }) => sum + height * width, 0);
  const scale = new Float32Array(channels);
  const bias = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let squares = 0;
    for (const { height, width, data } of maps) {
      const plane = (height + 2) * (width + 2);
      for (const value of data.subarray(c * plane, (c + 1) * plane)) {
        sum += value; // the border's zeros add nothing
        squares += value * value;
      }
    }
    const mean = sum / count;
    scale[c] = 1 / Math.sqrt(squares / count - mean * mean);
    bias[c] = means[c]! - mean * scale[c]!;
  }
  return { scale, bias };
}

function activate(map: Padded, scale: Float32Array, bias: Float32Array): Padded {
  const { height, width, data } = map;
  const relu = (c: number, y: number, x: number) =>
    Math.max(0, data[(c * (height + 2) + y + 1) * (width + 2) + x + 1]! * scale[c]! + bias[c]!);
  return fill(map, relu);
}

async function examplePictures(): Promise<Padded[]> {
  const folder = new URL("../examples/", import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jpg")).sort();
  const decoded = await Promise.all(names.map((name) => decodePicture(new URL(name, folder).pathname)));
  return decoded.map(({ picture }) => preprocess(longSide(picture, PICTURE_SIZE)));
}

function calibrateLayer(
  maps: readonly Padded[],
  layer: ConvLayer,
): { maps: Padded[]; numbers: Float32Array[] } {
  const weight = rawWeights(layer);
  const responses = maps.map((map) => convolve(layer.pooled ? averagePool(map) : map, weight));
  const { scale, bias } = normalise(responses, thresholds(layer));
  return { maps: responses.map((map) => activate(map, scale, bias)), numbers: [scale, bias] };
}

let maps = await examplePictures();
const numbers: Float32Array[] = [];
for (const layer of generatedLayers) {
  const calibrated = calibrateLayer(maps, layer);
  maps = calibrated.maps;
  numbers.push(...calibrated.numbers);
  console.log(`${layer.name} done`);
}
const bytes = Buffer.concat(numbers.map(({ buffer }) => Buffer.from(buffer)));
await writeFile(
  new URL("generated-calibration.ts", import.meta.url),
  `/** Made by calibrate.ts: for each layer f32 scales, then biases, [outChannels] each, little-endian, in base64. */
export const calibration =
  "${bytes.toString("base64")}";
`,
);
