/** `stylize weights ...`: networks listed, fetched, verified, converted and looked into. */

import { megabytes } from "../common/megabytes.ts";
import { StylizeError } from "../engine/errors.ts";
import { cachedPath, cacheFolder } from "../weights/download/cache.ts";
import { pull, pullConvolutions, verifyFile } from "../weights/download/pull.ts";
import { convertNetwork, type Inspection, inspectFile } from "../weights/files.ts";
import { printable, quoted } from "../weights/formats/byte-source.ts";
import { defaultName, type FoundFile, GENERATED, networkFile, refusePreprocessing } from "../weights/load.ts";
import { findEntry, type ManifestEntry, manifest } from "../weights/manifest.ts";
import { widthsOf } from "../weights/network-file.ts";
import { findShipped, type ShippedNetwork, shippedNetworks } from "../weights/shipped.ts";
import { type Io, jsonLine, onInterrupt, rows, telling } from "./io.ts";
import { createDownloadReporter } from "./progress.ts";
import { refuseTaken } from "./result.ts";
import type { ListArguments, PullArguments, WeightsHandlers } from "./weights-arguments.ts";

/** The commands for one process. They throw StylizeError. */
export function weightsCommands(io: Io): WeightsHandlers {
  const { stdout, env } = io;
  const report = (isJson: boolean, record: object, text: () => string) =>
    stdout.write(isJson ? jsonLine(record) : text());
  return {
    list: (args) => listCommand(args, io),
    async pull(args) {
      const shipped = findShipped(args.name);
      if (shipped) return await tellShipped(shipped, args, io);
      await pullCommand(namedEntry(args.name), args, io);
    },
    async verify({ source, cache, json }) {
      const { path, name, size, sha256, how } = await verified(await networkFile(source, { cache, env }));
      report(
        json,
        { path, name, size, sha256 },
        () => `'${path}' is '${name}' as ${how}, SHA-256 ${sha256}.\n`,
      );
    },
    async path({ name, cache }) {
      const path =
        name === undefined ? cacheFolder(env, cache) : (await networkFile(name, { cache, env })).path;
      stdout.write(`${path}\n`);
    },
    async convert({ input, output, cache, preprocessing }) {
      const found = await networkFile(input, { cache, env });
      const { path, entry, shipped } = found;
      if (shipped) {
        refusePreprocessing(shipped.name, preprocessing);
        await verified(found);
        await refuseTaken([path], { OUTPUT: output });
      }
      const converted = await convertNetwork(path, output, preprocessing ?? entry?.preprocessing);
      const { layers, size } = converted;
      stdout.write(
        `Wrote '${output}' (${megabytes(size)}): ${layers[0]} to ${layers.at(-1)}, ` +
          `${converted.preprocessing} preprocessing.\n`,
      );
    },
    async inspect({ source, cache, json }) {
      const found = await networkFile(source, { cache, env });
      if (found.shipped) await verified(found);
      const inspection = await inspectFile(found.path);
      report(json, inspection, () => describeInspection(inspection));
    },
  };
}

/** Of the networks that may be verified. */
const known: readonly { readonly name: string; readonly how: string; readonly hashes: readonly string[] }[] =
  [
    ...shippedNetworks.map(({ name, sha256 }) => ({ name, how: "it was shipped", hashes: [sha256] })),
    ...manifest.map(({ name, sha256, convolutions }) => ({
      name,
      how: "published",
      hashes: convolutions ? [sha256, convolutions.sha256] : [sha256],
    })),
  ];

/** The known network that a file is. Throws `bad-weights` where it is none, or not the one that was named. */
async function verified({ path, entry, shipped }: FoundFile) {
  const { size, sha256 } = await verifyFile(path);
  const wanted = known.find(({ name }) => name === (entry ?? shipped)?.name);
  const found = known.find(({ hashes }) => hashes.includes(sha256));
  if (found && (wanted === undefined || found === wanted)) return { ...found, path, size, sha256 };
  const expected = wanted
    ? `the network '${wanted.name}' as ${wanted.how}`
    : "a network of 'stylize weights list'";
  throw new StylizeError(
    "bad-weights",
    `Expected '${path}' to be ${expected} but its ${size} bytes have the SHA-256 ${sha256}.`,
  );
}

/**
 * In place of a download, of one that needs none. Throws `bad-weights` where its file is damaged, `bad-option` for what
 * only a download could heed.
 */
async function tellShipped(
  { name, licence }: ShippedNetwork,
  { report, from, convolutionsOnly, cache }: PullArguments,
  io: Io,
): Promise<void> {
  const flags = { "--from": from, "--convolutions-only": convolutionsOnly || undefined, "--cache": cache };
  const [flag] = Object.entries(flags).find(([, value]) => value !== undefined) ?? [];
  if (flag !== undefined)
    throw new StylizeError(
      "bad-option",
      `Expected no ${flag} for '${name}', which comes with the program and is not fetched.`,
    );
  const { path, sha256 } = await verified(await networkFile(name, { env: io.env }));
  const record = { name, path, sha256, verified: true, fetched: false };
  const sentence = `'${name}' comes with the program and is in '${path}'. Licence: ${licence}.`;
  telling(report, io).tell("done", record, sentence);
}

function namedEntry(name: string): ManifestEntry {
  const entry = findEntry(name);
  if (entry) return entry;
  const names = manifest.map((other) => other.name).join(", ");
  const received =
    name === GENERATED ? "the generated network is made whenever it is needed" : `received '${name}'`;
  throw new StylizeError("bad-option", `Expected the name of a network to fetch (${names}) but ${received}.`);
}

export async function pullCommand(entry: ManifestEntry, args: PullArguments, io: Io): Promise<void> {
  const { name, from, convolutionsOnly, cache, report } = args;
  const reporter = createDownloadReporter(report, io);
  const controller = new AbortController();
  const release = onInterrupt(io, () => controller.abort());
  try {
    const fetch = convolutionsOnly ? pullConvolutions : pull;
    const result = await fetch(entry, {
      folder: cacheFolder(io.env, cache),
      env: io.env,
      signal: controller.signal,
      from,
      onProgress: reporter.progress,
      onNote: reporter.note,
    });
    reporter.end();
    const sentence = `'${name}' is ${result.fetched ? "" : "already "}in '${result.path}'.`;
    reporter.tell("done", { name, ...result }, `${sentence} Licence: ${entry.licence}.`);
  } finally {
    release();
    reporter.end();
  }
}

const formats = {
  safetensors: "safetensors",
  "torch-zip": "PyTorch's zip archive",
  "torch-legacy": "PyTorch's format before version 1.6",
} as const;

/** "conv1_1 to conv5_4, 64 to 512 channels" */
function describeLayers({ layers, channels, missing }: Inspection): string {
  const lacks = missing.length > 0 ? `; ${missing.join(", ")} missing` : "";
  return `${layers[0]} to ${layers.at(-1)}, ${widthsOf(channels)}${lacks}`;
}

function describeInspection(inspection: Inspection): string {
  const { path, format, tensors, dtypes, metadata, naming, prefix, preprocessing, reason } = inspection;
  const types = Object.entries(dtypes).map(([dtype, count]) => `${count} ${dtype}`);
  const told = Object.entries(metadata).map(([key, value]) => `${printable(key)}: ${printable(value)}`);
  return rows(path, [
    ["format", formats[format]],
    ["tensors", `${tensors}: ${types.join(", ")}`],
    ["layers", describeLayers(inspection)],
    ["names", `${naming}${prefix ? `, behind ${quoted(prefix)}` : ""}`],
    ["preprocessing", `${preprocessing}: ${reason}`],
    ...(told.length > 0 ? [["metadata", told.join(", ")] as const] : []),
  ]);
}

/** Kinds of adapters, and whether a processor plays the GPU there. */
const kinds = { gpu: false, software: true };

type Row = readonly [string, string];

interface Listed {
  /** What machines are told, beside what is told of each. */
  readonly record: Pick<ShippedNetwork, "name" | "title" | "licence">;
  readonly comesWithProgram: boolean;
  /** Where its file is, if it is there. */
  readonly path?: string | undefined;
  /** What people are told. */
  readonly rows: readonly Row[];
}

/** The networks that have a name, those first that need no download. */
async function listCommand({ cache, json }: ListArguments, { env, stdout }: Io): Promise<void> {
  const places = { cache, env };
  const usual = await Promise.all(
    Object.entries(kinds).map(
      async ([kind, isSoftware]) => [kind, await defaultName({ ...places, isSoftware })] as const,
    ),
  );
  const shipped = shippedNetworks.map(async (network) => {
    const found = await networkFile(network.name, places)
      .then(verified)
      .catch(() => undefined);
    return ofShipped(network, found?.path);
  });
  const folder = cacheFolder(env, cache);
  const fetched = manifest.map(async (entry) => ofEntry(entry, await cachedPath(entry, folder)));
  for (const listed of [...(await Promise.all([...shipped, ...fetched])), generated]) {
    const { record, comesWithProgram, path } = listed;
    const defaultOn = usual.filter(([, one]) => one === record.name).map(([kind]) => kind);
    const used: Row[] =
      defaultOn.length > 0
        ? [["used", `when no other is asked for, on adapters of kind ${defaultOn.join(" and ")}`]]
        : [];
    const [what, ...others] = listed.rows;
    stdout.write(
      json
        ? jsonLine({ ...record, path, comesWithProgram, defaultOn })
        : rows(record.name, [what!, ...used, ...others]),
    );
  }
}

function ofShipped({ layers: _, ...record }: ShippedNetwork, path: string | undefined): Listed {
  const { title, size, licence } = record;
  const file = path ? `comes with the program: ${path}` : "missing or damaged: install the program again";
  return {
    record,
    comesWithProgram: true,
    path,
    rows: [
      ["what", title],
      ["size", megabytes(size)],
      ["licence", licence],
      ["file", file],
    ],
  };
}

function ofEntry(entry: ManifestEntry, path: string | undefined): Listed {
  const { name, title, size, licence, source } = entry;
  return {
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
  record: { name: GENERATED, title, licence },
  comesWithProgram: true,
  rows: [
    ["what", title],
    ["licence", licence],
    ["file", "none: it is made whenever it is needed"],
  ],
};
