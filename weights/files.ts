/** Files of weights looked into, for people who wonder why one does not load or which look it gives, and converted. */

import { basename, extname } from "node:path";
import { StylizeError } from "../engine/errors.ts";
import { vgg19 } from "../engine/network/layers.ts";
import type { Preprocessing } from "../engine/network/types.ts";
import { writeFileSafely } from "../pictures/write-file.ts";
import { badWeights } from "./formats/byte-source.ts";
import { openTensorFile } from "./formats/open.ts";
import { safetensorsParts, type Tensor } from "./formats/safetensors.ts";
import { type Format, readableTensor } from "./formats/tensor-file.ts";
import { torchvisionIndex } from "./naming.ts";
import { detectPreprocessing, findNetwork, readConvolutions } from "./network-file.ts";
import { type PreprocessingName, preprocessingNames, preprocessings } from "./preprocessing.ts";
import { findShipped, neededLayers } from "./shipped.ts";

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
 * there is no VGG19 in it, or one whose values can't be read as they are stored.
 */
export async function inspectFile(path: string): Promise<Inspection> {
  await using file = await openTensorFile(path);
  const found = findNetwork(file);
  const { naming, layers } = found;
  for (const layer of layers.slice(0, neededLayers))
    for (const kind of ["weight", "bias"]) readableTensor(file, `${naming.layerName(layer)}.${kind}`);
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

export interface Converted {
  /** conv1_1, ... */
  readonly layers: readonly string[];
  readonly preprocessing: PreprocessingName;
  /** Bytes written. */
  readonly size: number;
}

/**
 * Writes the convolutions of `input`, any file that has VGG19's shape, to `output` and nothing else: f32, as
 * `features.N`, with the preprocessing in the metadata. Values are those of the file, not rescaled.
 *
 * @throws StylizeError `file-not-found`, `bad-weights`, `bad-option` for an output of another name, or `write-failed`.
 */
export async function convertNetwork(
  input: string,
  output: string,
  preprocessing?: PreprocessingName,
): Promise<Converted> {
  if (extname(output).toLowerCase() !== ".safetensors")
    throw new StylizeError(
      "bad-option",
      `Expected an output that ends in .safetensors but received '${output}'.`,
    );
  await using file = await openTensorFile(input);
  const found = findNetwork(file);
  const { layers } = found;
  const convolutions = await readConvolutions(file, found);
  const tensors = new Map<string, Tensor>();
  for (const layer of layers) {
    const { name, inChannels, outChannels } = layer;
    const base = `features.${torchvisionIndex(layer)}`;
    const { weight, bias } = convolutions.get(name)!;
    tensors.set(`${base}.weight`, {
      shape: [outChannels, inChannels, 3, 3],
      data: weight,
    });
    tensors.set(`${base}.bias`, { shape: [outChannels], data: bias });
  }
  const name = preprocessing ?? tableName((await detectPreprocessing(file, found)).preprocessing, input);
  const shipped = findShipped(file.metadata.network);
  const metadata = {
    ...(shipped && { network: shipped.name }), // by which its defaults are known
    preprocessing: name,
    source: basename(input),
  };
  const parts = safetensorsParts(tensors, metadata);
  await writeFileSafely(output, ...parts);
  return {
    layers: [...convolutions.keys()],
    preprocessing: name,
    size: parts.reduce((sum, part) => sum + part.length, 0),
  };
}

/** The name of a preprocessing in the table; one that a file computes itself may be there under another. */
function tableName({ order, mean, std }: Preprocessing, input: string): PreprocessingName {
  const isAlike = (a: readonly number[], b: readonly number[]) =>
    a.every((value, i) => Math.abs(value - b[i]!) < 1e-4);
  const name = preprocessingNames.find((candidate) => {
    const other = preprocessings[candidate];
    return isAlike(order, other.order) && isAlike(mean, other.mean) && isAlike(std, other.std);
  });
  if (name) return name;
  throw badWeights(
    `Expected '${input}' to need the preprocessing of ${preprocessingNames.join(" or ")} but it has one of its own.`,
  );
}
