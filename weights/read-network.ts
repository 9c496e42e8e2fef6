/** A network out of an open file of weights, wherever that lies. */
import type { ConvLayer } from "../engine/network/layers.ts";
import type { Network, Preprocessing } from "../engine/network/types.ts";
import { badWeights, blobSource } from "./formats/byte-source.ts";
import { readSafetensors } from "./formats/safetensors.ts";
import type { TensorFile } from "./formats/tensor-file.ts";
import {
  detectPreprocessing,
  findNetwork,
  isVgg19,
  neededOf,
  readUnchecked,
  requireFinite,
  widthsOf,
} from "./network-file.ts";
import { type PreprocessingName, preprocessings } from "./preprocessing.ts";
import { rescaled } from "./rescale.ts";
import { findShipped, type ShippedNetwork, vgg19Defaults } from "./shipped.ts";

export interface ReadOptions {
  /** How pictures enter the network; detected when not given. */
  readonly preprocessing?: PreprocessingName | undefined;
  /** What users see; named after the file when not given. */
  readonly name?: string | undefined;
}

/**
 * @internal A network of VGG19's shape from a file. Only what the losses look at is read, and scaled as rescale.ts
 * says.
 *
 * @throws StylizeError `bad-weights`, naming the file and what is wrong with it.
 */
export async function readNetwork(file: TensorFile, options: ReadOptions = {}): Promise<Network> {
  const found = findNetwork(file);
  const needed = neededOf(file, found);
  const told = options.preprocessing;
  const preprocessing =
    told === undefined ? (await detectPreprocessing(file, found)).preprocessing : preprocessings[told];
  const { layers } = needed;
  const shipped = shippedOf(file, layers);
  const convolutions = await readUnchecked(file, needed);
  let weights: Network["weights"];
  try {
    weights = rescaled(layers, convolutions, preprocessing, file.path);
  } catch (error) {
    requireFinite(file, needed, convolutions); // which gives the better reason
    throw error;
  }
  return {
    name: options.name ?? nameOf(file, layers, preprocessing, shipped),
    preprocessing,
    layers,
    weights,
    defaults: shipped?.defaults ?? vgg19Defaults,
  };
}

/** The network that ships which a file says it is, if it is as wide. */
function shippedOf({ metadata }: TensorFile, layers: readonly ConvLayer[]): ShippedNetwork | undefined {
  const shipped = findShipped(metadata.network);
  return shipped?.layers.every(({ outChannels }, i) => layers[i]?.outChannels === outChannels)
    ? shipped
    : undefined;
}

/** A file that says it is one that ships may be that one trained further, or altered: its own name is told, too. */
function nameOf(
  { path }: TensorFile,
  layers: readonly ConvLayer[],
  preprocessing: Preprocessing,
  shipped: ShippedNetwork | undefined,
): string {
  const fileName = path.split(/[/\\]/).at(-1);
  if (shipped) return `${shipped.name} from ${fileName}`;
  const kind = isVgg19(layers)
    ? "VGG19"
    : `VGG19 of ${widthsOf(layers.map(({ outChannels }) => outChannels))}`;
  return `${kind} from ${fileName}, ${preprocessing.name} preprocessing`;
}

/**
 * A network of VGG19's shape from a safetensors file that was fetched or chosen; `path` is what it is called in errors
 * and names.
 *
 * @throws StylizeError `bad-weights`.
 *
 * @example
 * import { readNetworkBlob } from "stylize/weights/browser";
 * const response = await fetch("/compact.safetensors");
 * const network = await readNetworkBlob(await response.blob(), "compact.safetensors");
 */
export async function readNetworkBlob(blob: Blob, path: string, options: ReadOptions = {}): Promise<Network> {
  return await readNetwork(await readSafetensors(blobSource(blob, path)), options);
}

/**
 * @internal A network that ships, from its file. `advice`: what to do where another file or a damaged one has its
 * place.
 *
 * @throws StylizeError `bad-weights`.
 */
export async function readShipped(
  shipped: ShippedNetwork,
  blob: Blob,
  path: string,
  advice: string,
): Promise<Network> {
  const { name } = shipped;
  if ((await sha256(blob)) === shipped.sha256) return await readNetworkBlob(blob, path, { name });
  throw badWeights(
    `Expected the network '${name}' in '${path}' as it was shipped but the file is damaged; ${advice}.`,
  );
}

/** Hexadecimal. */
async function sha256(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
