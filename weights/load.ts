/** Networks by name or from files. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { StylizeError } from "../engine/errors.ts";
import type { Network } from "../engine/network/types.ts";
import { cachedPath, cacheFolder, type Environment } from "./download/cache.ts";
import { openTensorFile } from "./formats/index.ts";
import { generatedNetwork } from "./generated.ts";
import { bestNetwork, findEntry, type ManifestEntry } from "./manifest.ts";
import type { PreprocessingName } from "./preprocessing.ts";
import { readNetwork, readShipped } from "./read-network.ts";
import { compact, findShipped, type ShippedNetwork } from "./shipped.ts";

export interface LoadOptions {
  /** How pictures enter the network of a file; detected when not given. */
  readonly preprocessing?: PreprocessingName | undefined;
  /** Folder of fetched networks; that of the user when not given. */
  readonly cache?: string | undefined;
  /** Where the user's folders are told; `process.env` when not given. */
  readonly env?: Environment | undefined;
}

/** The network that needs no file. */
export const GENERATED = "generated";

/**
 * Loads a network: one that ships (`compact`), one of the manifest that has been fetched (`vgg19`), `generated`, or one of VGG19's shape
 * and any width from a file.
 *
 * A file is safetensors or what torch.save wrote, old or new; weights are [out][in][3][3] under `features.N.weight` or `convB_I.weight`,
 * whatever stands before it, biases [out].
 *
 * @throws StylizeError `file-not-found` or `bad-weights`, naming the file and what is wrong with it; `bad-option`.
 */
export async function loadNetwork(source: string, options: LoadOptions = {}): Promise<Network> {
  if (source === GENERATED) {
    if (options.preprocessing === undefined) return generatedNetwork();
    throw new StylizeError(
      "bad-option",
      "Expected no preprocessing for the generated network, which has its own.",
    );
  }
  const shipped = findShipped(source);
  if (shipped) return await loadShipped(shipped, options);
  const { path, entry } = await networkFile(source, options);
  await using file = await openTensorFile(path);
  const preprocessing = options.preprocessing ?? entry?.preprocessing;
  return await readNetwork(file, { preprocessing, name: entry?.name });
}

/** Throws `file-not-found` or `bad-weights` where the package has lost its file, or another has its place. */
async function loadShipped(shipped: ShippedNetwork, { preprocessing }: LoadOptions): Promise<Network> {
  if (preprocessing !== undefined)
    throw new StylizeError(
      "bad-option",
      `Expected no preprocessing for '${shipped.name}', which has its own.`,
    );
  const path = shippedPath(shipped);
  const advice = "install the package again";
  const bytes = await readFile(path).catch((cause: Error) => {
    const message = `Expected the network '${shipped.name}' in '${path}' but it can't be read; ${advice}.`;
    throw new StylizeError("file-not-found", message, { cause });
  });
  return await readShipped(shipped, new Blob([bytes]), path, advice);
}

const shippedPath = ({ file }: ShippedNetwork): string =>
  fileURLToPath(import.meta.resolve(`#networks/${file}`));

/** The best network there is without fetching anything: VGG19 if it has been fetched, else the one that ships. */
export async function loadDefaultNetwork(options: Omit<LoadOptions, "preprocessing"> = {}): Promise<Network> {
  const path = await cachedPath(bestNetwork, cacheFolder(options.env ?? process.env, options.cache));
  return loadNetwork(path === undefined ? compact.name : bestNetwork.name, options);
}

/**
 * The file of a network by name, shipped or fetched, or the file that `source` is.
 *
 * @throws StylizeError `file-not-found` for a name of the manifest that has not been fetched; a file is not looked for.
 */
export async function networkFile(
  source: string,
  { cache, env = process.env }: Pick<LoadOptions, "cache" | "env">,
): Promise<{ readonly path: string; readonly entry?: ManifestEntry }> {
  const shipped = findShipped(source);
  if (shipped) return { path: shippedPath(shipped) };
  const entry = findEntry(source);
  if (!entry) return { path: source };
  const folder = cacheFolder(env, cache);
  const path = await cachedPath(entry, folder);
  if (path !== undefined) return { path, entry };
  throw new StylizeError(
    "file-not-found",
    `Expected the network '${source}' in '${folder}' but it is not there: 'stylize weights pull ${source}' fetches it.`,
  );
}
