/** Writes the measured problem where a peer of any language can read it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lossLayers, type Term } from "../engine/losses/objective.ts";
import { reluName, truncated } from "../engine/network/layers.ts";
import type { Network } from "../engine/network/types.ts";
import type { Picture } from "../engine/picture.ts";
import type { Pictures } from "./problem.ts";

/** Place of an array in problem.bin: f32 values, little-endian. */
interface Stored {
  readonly offset: number;
  readonly count: number;
}

interface StoredPicture extends Stored {
  readonly width: number;
  readonly height: number;
}

export interface Problem {
  readonly network: Network;
  readonly terms: readonly Term[];
  readonly pictures: Pictures;
}

/**
 * Writes `folder`/problem.json and problem.bin.
 *
 * Weights are [out][in][3][3], pictures [3][height][width], start and content of one size. The network's input is
 * (picture - mean) / std, blocks begin with a 2x2 average pool. Losses as in engine/losses: with `weight` w, style w |G
 * - A|^2 / |A|^2, content w |F - P|^2 / |P|^2, total variation w times the sum of the mean squared differences of
 * horizontal and of vertical neighbours.
 */
export function writeProblem(folder: string, { network, terms, pictures }: Problem): void {
  const arrays: Float32Array[] = [];
  let offset = 0;
  const store = (values: Float32Array): Stored => {
    arrays.push(values);
    const place = { offset, count: values.length };
    offset += values.length;
    return place;
  };
  const storePicture = ({ width, height, data }: Picture): StoredPicture => ({
    width,
    height,
    ...store(data),
  });
  const weights = (kind: "style" | "content") =>
    Object.fromEntries(terms.flatMap((term) => (term.kind === kind ? [[term.layer, term.weight]] : [])));
  const problem = {
    mean: network.preprocessing.mean,
    std: network.preprocessing.std,
    layers: truncated(network.layers, lossLayers(terms)).map(({ name, inChannels, outChannels, pooled }) => {
      const { weight, bias } = network.weights.get(name)!;
      const stored = { weight: store(weight), bias: store(bias) };
      return { relu: reluName(name), inChannels, outChannels, pooled, ...stored };
    }),
    content: storePicture(pictures.content),
    style: storePicture(pictures.style),
    start: storePicture(pictures.start),
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
