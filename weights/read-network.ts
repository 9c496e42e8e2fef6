/** A network out of an open file of weights, wherever that lies. */
import type { Network } from "../engine/network/types.ts";
import { neededLayers, vgg19Defaults } from "./defaults.ts";
import { blobSource } from "./formats/byte-source.ts";
import { readSafetensors } from "./formats/safetensors.ts";
import type { TensorFile } from "./formats/tensor-file.ts";
import { type PreprocessingName, preprocessings } from "./preprocessing.ts";
import { rescaled } from "./rescale.ts";
import { detectPreprocessing, findVgg19, readConvolutions } from "./vgg19-file.ts";

export interface ReadOptions {
  /** How pictures enter the network; detected when not given. */
  readonly preprocessing?: PreprocessingName | undefined;
  /** What users see; named after the file when not given. */
  readonly name?: string | undefined;
}

/**
 * @internal VGG19's convolutions from a file. Only what the losses look at is read, and scaled as rescale.ts says.
 *
 * @throws StylizeError `bad-weights`, naming the file and what is wrong with it.
 */
export async function readNetwork(file: TensorFile, options: ReadOptions = {}): Promise<Network> {
  const { naming } = findVgg19(file);
  const told = options.preprocessing;
  const preprocessing =
    told === undefined ? (await detectPreprocessing(file, naming)).preprocessing : preprocessings[told];
  const fileName = file.path.split(/[/\\]/).at(-1);
  return {
    name: options.name ?? `VGG19 from ${fileName}, ${preprocessing.name} preprocessing`,
    preprocessing,
    layers: rescaled(await readConvolutions(file, naming, neededLayers), preprocessing),
    defaults: vgg19Defaults,
  };
}

/**
 * VGG19's convolutions from a safetensors file that was fetched or chosen; `path` is what it is called in errors and
 * names.
 *
 * @throws StylizeError `bad-weights`.
 */
export async function readNetworkBlob(blob: Blob, path: string, options: ReadOptions = {}): Promise<Network> {
  return await readNetwork(await readSafetensors(blobSource(blob, path)), options);
}
