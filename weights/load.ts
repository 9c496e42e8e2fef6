/** Networks by name or from files. */
import { access, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { StylizeError } from "../engine/errors.ts";
import type { Network } from "../engine/network/types.ts";
import { cachedPath, cacheFolder, type Environment, sizeOf } from "./download/cache.ts";
import { openTensorFile } from "./formats/open.ts";
import { generatedNetwork } from "./generated.ts";
import { bestNetwork, findEntry, type ManifestEntry, manifest } from "./manifest.ts";
import type { PreprocessingName } from "./preprocessing.ts";
import { readNetwork, readShipped } from "./read-network.ts";
import { findShipped, type ShippedNetwork, shippedFor, shippedNetworks } from "./shipped.ts";

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

/** Where a file that ships is missing or damaged. */
const ADVICE = "install the program again";

/**
 * Loads a network: one that ships (`compact`), one of the manifest that has been fetched (`vgg19`), `generated`, or one
 * of VGG19's shape and any width from a file.
 *
 * A file is safetensors or what torch.save wrote, old or new; weights are [out][in][3][3] under `features.N.weight`,
 * `convB_I.weight`, `sliceB.N.weight` or `N.weight`, whatever stands before it, biases [out].
 *
 * @throws StylizeError `file-not-found` or `bad-weights`, naming the file and what is wrong with it; `bad-option`.
 *
 * @example
 * import { loadNetwork } from "stylize/weights";
 * const network = await loadNetwork("compact");
 * const own = await loadNetwork("vgg19.pth", { preprocessing: "torchvision" });
 */
export async function loadNetwork(source: string, options: LoadOptions = {}): Promise<Network> {
  if (source === GENERATED || findShipped(source)) refusePreprocessing(source, options.preprocessing);
  if (source === GENERATED) return generatedNetwork();
  const { path, entry, shipped } = await networkFile(source, options);
  if (shipped) return await loadShipped(shipped, path);
  const preprocessing = options.preprocessing ?? entry?.preprocessing;
  try {
    await using file = await openTensorFile(path);
    return await readNetwork(file, { preprocessing, name: entry?.name });
  } catch (error) {
    if (!entry || !(error instanceof StylizeError) || error.code !== "bad-weights") throw error;
    const what = error.message.replace(/\.$/, "");
    const advice = `delete it, and 'stylize weights pull ${entry.name}' fetches it anew`;
    throw new StylizeError("bad-weights", `${what}; ${advice}.`, { cause: error });
  }
}

/** For the networks of this program. Throws `bad-option` if one is told. */
export function refusePreprocessing(name: string, preprocessing: PreprocessingName | undefined): void {
  if (preprocessing === undefined) return;
  const network = name === GENERATED ? "the generated network" : `'${name}'`;
  throw new StylizeError("bad-option", `Expected no preprocessing for ${network}, which has its own.`);
}

async function loadShipped(shipped: ShippedNetwork, path: string): Promise<Network> {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw lostFile(shipped, path, cause);
  });
  return await readShipped(shipped, new Blob([bytes]), path, ADVICE);
}

function lostFile({ name }: ShippedNetwork, path: string, cause?: Error): StylizeError {
  const message = `Expected the network '${name}' in '${path}' but it can't be read; ${ADVICE}.`;
  return new StylizeError("file-not-found", message, { cause });
}

const shippedPath = ({ file }: ShippedNetwork): string =>
  fileURLToPath(import.meta.resolve(`#networks/${file}`));

export interface DefaultOptions extends Omit<LoadOptions, "preprocessing"> {
  /** Whether a processor plays the GPU (`context.isSoftware`), where a small network paints more in the same time. */
  readonly isSoftware?: boolean;
}

/**
 * The best network there is without fetching anything: VGG19 if it has been fetched, else one that ships
 * (`shippedFor`).
 *
 * @example
 * import { openContext } from "stylize/node";
 * import { loadDefaultNetwork } from "stylize/weights";
 * using context = await openContext();
 * const network = await loadDefaultNetwork(context);
 */
export async function loadDefaultNetwork(options: DefaultOptions = {}): Promise<Network> {
  return loadNetwork(await defaultName(options), options);
}

/** What that one is called. */
export async function defaultName({
  cache,
  env = process.env,
  isSoftware = false,
}: DefaultOptions): Promise<string> {
  const path = await cachedPath(bestNetwork, cacheFolder(env, cache));
  return path === undefined ? shippedFor({ isSoftware }).name : bestNetwork.name;
}

type Places = Pick<LoadOptions, "cache" | "env">;

/** @internal Files that a run may read its network from; those of either default where none is named. */
export async function filesOf(source: string | undefined, places: Places): Promise<string[]> {
  const defaults = () =>
    Promise.all([true, false].map((isSoftware) => defaultName({ ...places, isSoftware })));
  const names = source === undefined ? await defaults() : [source];
  // What is wrong with one is told when it is loaded.
  const found = await Promise.all(names.map((name) => networkFile(name, places).catch(() => undefined)));
  return found.flatMap((file) => (file ? [file.path] : []));
}

export interface FoundFile {
  readonly path: string;
  /** Where it was named by one of these. */
  readonly entry?: ManifestEntry;
  readonly shipped?: ShippedNetwork;
}

/**
 * The file of a network by name, shipped or fetched, or the file that `source` is.
 *
 * @throws StylizeError `file-not-found` for a name whose file is not here, or what is neither a name nor a file;
 * `bad-option` for the
 *   generated network.
 */
export async function networkFile(source: string, { cache, env = process.env }: Places): Promise<FoundFile> {
  if (source === GENERATED)
    throw new StylizeError(
      "bad-option",
      "Expected a network with a file but the generated network has none: it is made whenever it is needed.",
    );
  const shipped = findShipped(source);
  if (shipped) {
    const path = shippedPath(shipped);
    if ((await sizeOf(path)) === undefined) throw lostFile(shipped, path);
    return { path, shipped };
  }
  const entry = findEntry(source);
  if (!entry) {
    await refuseUnknown(source);
    return { path: source };
  }
  const folder = cacheFolder(env, cache);
  const path = await cachedPath(entry, folder);
  if (path !== undefined) return { path, entry };
  throw new StylizeError(
    "file-not-found",
    `Expected the network '${source}' in '${folder}' but it is not there: 'stylize weights pull ${source}' fetches it.`,
  );
}

/** What looks like a name and is no file is thought to be one that was mistaken. */
async function refuseUnknown(source: string): Promise<void> {
  if (!/^[\w-]+$/.test(source)) return;
  await access(source).catch((cause: Error) => {
    const names = [...shippedNetworks, ...manifest].map(({ name }) => name);
    const message =
      `Expected a network (${[...names, GENERATED].join(", ")}) or a weights file but ` +
      `there is no '${source}'.`;
    throw new StylizeError("file-not-found", message, { cause });
  });
}
