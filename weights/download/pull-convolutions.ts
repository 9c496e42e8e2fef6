/** The convolutions alone of a file for which no hash of a part is known. */
import { rm } from "node:fs/promises";
import { StylizeError } from "../../engine/errors.ts";
import { isTorchvision } from "../fingerprint.ts";
import { openTensorFile } from "../formats/index.ts";
import type { ManifestEntry } from "../manifest.ts";
import { findNetwork, readConvolutions } from "../network-file.ts";
import { type Pulled, type PullOptions, pull } from "./pull.ts";

/**
 * As `pull`, but fetches no more of the file than holds the convolutions, which is little where they stand first.
 *
 * What vouches for them is TLS, the checks of loading, and for torchvision's VGG19 the statistics of every layer
 * (fingerprint.ts).
 */
export async function pullConvolutions(entry: ManifestEntry, options: PullOptions): Promise<Pulled> {
  const pulled = await pull(entry, { ...options, part: true, partBytes: convolutionsEnd });
  if (pulled.verified || !pulled.fetched) return pulled;
  try {
    await checkNumbers(pulled.path, entry);
    return pulled;
  } catch (error) {
    await rm(pulled.path, { force: true });
    throw error;
  }
}

/** The byte behind the last convolution; the file may end anywhere behind its directory of tensors. */
async function convolutionsEnd(path: string): Promise<number> {
  await using file = await openTensorFile(path);
  const { naming, layers } = findNetwork(file);
  const ends = layers.flatMap((layer) =>
    ["weight", "bias"].map((kind) => file.tensors.get(`${naming.layerName(layer)}.${kind}`)?.end ?? 0),
  );
  return Math.max(...ends);
}

async function checkNumbers(path: string, { name, preprocessing }: ManifestEntry): Promise<void> {
  await using file = await openTensorFile(path);
  const convolutions = await readConvolutions(file, findNetwork(file));
  if (preprocessing !== "torchvision" || isTorchvision(convolutions)) return;
  throw new StylizeError(
    "bad-weights",
    `Expected the convolutions of '${name}' to have torchvision's statistics but those that came have others.`,
  );
}
