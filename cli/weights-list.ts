/** `stylize weights list`: the networks that have a name, those first that need no download. */
import { cachedPath, cacheFolder } from "../weights/download/cache.ts";
import { megabytes } from "../weights/download/mirror-failure.ts";
import { defaultName, GENERATED, networkFile } from "../weights/load.ts";
import { type ManifestEntry, manifest } from "../weights/manifest.ts";
import { type ShippedNetwork, shippedNetworks } from "../weights/shipped.ts";
import type { Io } from "./io.ts";
import { rows } from "./rows.ts";
import type { ListArguments } from "./weights-arguments.ts";

/** Kinds of adapters, and whether a processor plays the GPU there. */
const kinds = { gpu: false, software: true };

type Row = readonly [string, string];

interface Listed {
  readonly name: string;
  /** What machines are told, beside what is told of each. */
  readonly record: object;
  readonly comesWithProgram: boolean;
  /** Where its file is, if it is there. */
  readonly path?: string | undefined;
  /** What people are told. */
  readonly rows: readonly Row[];
}

export async function listCommand({ cache, json }: ListArguments, { env, stdout }: Io): Promise<void> {
  const places = { cache, env };
  const usual = await Promise.all(
    Object.entries(kinds).map(
      async ([kind, isSoftware]) => [kind, await defaultName({ ...places, isSoftware })] as const,
    ),
  );
  const shipped = shippedNetworks.map(async (network) => {
    const found = await networkFile(network.name, places).catch(() => undefined);
    return ofShipped(network, found?.path);
  });
  const folder = cacheFolder(env, cache);
  const fetched = manifest.map(async (entry) => ofEntry(entry, await cachedPath(entry, folder)));
  for (const listed of [...(await Promise.all([...shipped, ...fetched])), generated]) {
    const { name, record, comesWithProgram, path } = listed;
    const defaultOn = usual.filter(([, one]) => one === name).map(([kind]) => kind);
    const used: Row[] =
      defaultOn.length > 0
        ? [["used", `when no other is asked for, on adapters of kind ${defaultOn.join(" and ")}`]]
        : [];
    const [what, ...others] = listed.rows;
    stdout.write(
      json
        ? `${JSON.stringify({ ...record, path, comesWithProgram, defaultOn })}\n`
        : rows(name, [what!, ...used, ...others]),
    );
  }
}

function ofShipped({ layers: _, ...record }: ShippedNetwork, path: string | undefined): Listed {
  const { name, title, size, licence } = record;
  return {
    name,
    record,
    comesWithProgram: true,
    path,
    rows: [
      ["what", title],
      ["size", megabytes(size)],
      ["licence", licence],
      ["file", path === undefined ? "missing: install the program again" : `comes with the program: ${path}`],
    ],
  };
}

function ofEntry(entry: ManifestEntry, path: string | undefined): Listed {
  const { name, title, size, licence, source } = entry;
  return {
    name,
    record: entry,
    comesWithProgram: false,
    path,
    rows: [
      ["what", title],
      ["size", size === undefined ? "not known before it is fetched" : megabytes(size)],
      ["licence", licence],
      ["source", source],
      ["file", path ?? `not here; 'stylize weights pull ${name}' fetches it`],
    ],
  };
}

const title = "VGG19's architecture with weights made from a seed, never trained";
const licence = "Apache-2.0";

const generated: Listed = {
  name: GENERATED,
  record: { name: GENERATED, title, licence },
  comesWithProgram: true,
  rows: [
    ["what", title],
    ["licence", licence],
    ["file", "none: it is made whenever it is needed"],
  ],
};
