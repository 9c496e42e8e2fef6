/**
 * Makes weights/generated-calibration.ts again: for every channel of the generated network the scale and the bias that
 * give its response in front of the ReLU deviation 1, and the mean that its threshold says, on the example pictures.
 * `npx tsx weights/calibrate.ts`, about two minutes on one core.
 */
import { readdir, writeFile } from "node:fs/promises";
import type { ConvLayer } from "../engine/network/layers.ts";
import { torchvisionPreprocessing } from "../engine/network/types.ts";
import { decodePicture, longSide } from "../pictures/index.ts";
import { activate, averagePool, convolve, type Padded, preprocess } from "./forward.ts";
import { generatedLayers, rawWeights, thresholds } from "./generated.ts";

const PICTURE_SIZE = 181;

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

async function examplePictures(): Promise<Padded[]> {
  const folder = new URL("../examples/", import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jpg")).sort();
  const decoded = await Promise.all(names.map((name) => decodePicture(new URL(name, folder).pathname)));
  return decoded.map(({ picture }) => preprocess(longSide(picture, PICTURE_SIZE), torchvisionPreprocessing));
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
