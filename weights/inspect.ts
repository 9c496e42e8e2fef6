/** What a weights file is, for people who wonder why it does not load, or which look it gives. */

import { vgg19 } from "../engine/network/layers.ts";
import { neededLayers } from "./defaults.ts";
import { openTensorFile } from "./formats/index.ts";
import type { Format } from "./formats/tensor-file.ts";
import { detectPreprocessing, findNetwork } from "./network-file.ts";

export interface Inspection {
  readonly path: string;
  readonly format: Format;
  /** How many, and of which type: {"F32": 38}. */
  readonly tensors: number;
  readonly dtypes: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of `namings`, and what stands before each name. */
  readonly naming: string;
  readonly prefix: string;
  /** Of VGG19, from conv1_1 on. */
  readonly layers: readonly string[];
  /** That each of them gives. */
  readonly channels: readonly number[];

  /** Convolutions that the losses look at and the file lacks: with any, it does not load. */
  readonly missing: readonly string[];
  readonly preprocessing: string;
  /** Why that is thought. */
  readonly reason: string;
}

/**
 * Reads a file's directory and no more than two layers. Throws StylizeError `file-not-found`, or `bad-weights` where
 * there is no VGG19 in it.
 */
export async function inspectFile(path: string): Promise<Inspection> {
  await using file = await openTensorFile(path);
  const found = findNetwork(file);
  const { naming, layers } = found;
  const { preprocessing, reason } = await detectPreprocessing(file, found);
  const dtypes: Record<string, number> = {};
  for (const { dtype } of file.tensors.values()) dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
  return {
    path,
    format: file.format,
    tensors: file.tensors.size,
    dtypes,
    metadata: file.metadata,
    naming: naming.name,
    prefix: naming.prefix,
    layers: layers.map(({ name }) => name),
    channels: layers.map(({ outChannels }) => outChannels),
    missing: vgg19.slice(layers.length, neededLayers).map(({ name }) => name),
    preprocessing: preprocessing.name,
    reason,
  };
}
