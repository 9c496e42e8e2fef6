/**
 * The convolutions of a network of VGG19's shape out of any file that has them, into a safetensors file that has
 * nothing else.
 */
import { basename, extname } from "node:path";
import { StylizeError } from "../engine/errors.ts";
import type { Preprocessing } from "../engine/network/types.ts";
import { writeFileSafely } from "../pictures/write-file.ts";
import { openTensorFile, safetensorsParts, type Tensor } from "./formats/index.ts";
import { torchvisionIndex } from "./naming.ts";
import { detectPreprocessing, findNetwork, readConvolutions } from "./network-file.ts";
import { type PreprocessingName, preprocessingNames, preprocessings } from "./preprocessing.ts";
import { findShipped } from "./shipped.ts";

export interface Converted {
  /** conv1_1, ... */
  readonly layers: readonly string[];
  readonly preprocessing: PreprocessingName;
  /** Bytes written. */
  readonly size: number;
}

/**
 * Writes the convolutions of `input` to `output`, f32, as `features.N`, with the preprocessing in the metadata. Values
 * are those of the file, not rescaled.
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
  throw new StylizeError(
    "bad-weights",
    `Expected '${input}' to need the preprocessing of ${preprocessingNames.join(" or ")} but it has one of its own.`,
  );
}
