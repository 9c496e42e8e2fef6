/** Writes the measured problem where a peer of any language can read it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lossLayers } from "../engine/losses/objective.ts";
import { reluName, truncated } from "../engine/network/vgg19.ts";
import { seededNetwork, seededPictures, terms } from "./problem.ts";

/** Place of an array in problem.bin: f32 values, little-endian. */
interface Stored {
  readonly offset: number;
  readonly count: number;
}

/**
 * Writes `folder`/problem.json and problem.bin for pictures of `size` pixels a side.
 *
 * Weights are [out][in][3][3], pictures [3][size][size], the network's input is (picture - mean) / std, blocks begin with a 2x2 average pool.
 * Losses as in engine/losses: with `weight` w, style w |G - A|^2 / |A|^2, content w |F - P|^2 / |P|^2, total variation w times the sum of
 * the mean squared differences of horizontal and of vertical neighbours.
 */
export function writeProblem(folder: string, size: number): void {
  const arrays: Float32Array[] = [];
  let offset = 0;
  const store = (values: Float32Array): Stored => {
    arrays.push(values);
    const place = { offset, count: values.length };
    offset += values.length;
    return place;
  };
  const network = seededNetwork();
  const pictures = seededPictures(size);
  const weights = (kind: "style" | "content") =>
    Object.fromEntries(terms.flatMap((term) => (term.kind === kind ? [[term.layer, term.weight]] : [])));
  const problem = {
    size,
    mean: network.preprocessing.mean,
    std: network.preprocessing.std,
    layers: truncated(lossLayers(terms)).map(({ name, inChannels, outChannels, pooled }) => {
      const { weight, bias } = network.layers.get(name)!;
      const stored = { weight: store(weight), bias: store(bias) };
      return { relu: reluName(name), inChannels, outChannels, pooled, ...stored };
    }),
    content: store(pictures.content.data),
    style: store(pictures.style.data),
    start: store(pictures.start.data),
    styleLayers: weights("style"),
    contentLayers: weights("content"),
    tvWeight: terms.find(({ kind }) => kind === "tv")?.weight ?? 0,
  };
  const bytes = arrays.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  writeFileSync(join(folder, "problem.json"), JSON.stringify(problem));
  writeFileSync(join(folder, "problem.bin"), Buffer.concat(bytes));
}
