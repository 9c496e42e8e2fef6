/** `stylize weights ...`: networks listed, fetched, verified, converted and looked into. */
import { StylizeError } from "../engine/errors.ts";
import { convertNetwork } from "../weights/convert.ts";
import { cacheFolder } from "../weights/download/cache.ts";
import { megabytes } from "../weights/download/mirror-failure.ts";
import { pull, verifyFile } from "../weights/download/pull.ts";
import { pullConvolutions } from "../weights/download/pull-convolutions.ts";
import { type Inspection, inspectFile } from "../weights/inspect.ts";
import { GENERATED, networkFile, refusePreprocessing } from "../weights/load.ts";
import { findEntry, type ManifestEntry, manifest } from "../weights/manifest.ts";
import { widthsOf } from "../weights/network-file.ts";
import { findShipped, type ShippedNetwork, shippedNetworks } from "../weights/shipped.ts";
import { createDownloadReporter } from "./download-progress.ts";
import { type Io, onInterrupt } from "./io.ts";
import { rows } from "./rows.ts";
import type { PullArguments, WeightsHandlers } from "./weights-arguments.ts";
import { listCommand } from "./weights-list.ts";

/** The commands for one process. They throw StylizeError. */
export function weightsCommands(io: Io): WeightsHandlers {
  const { stdout, env } = io;
  const report = (isJson: boolean, record: object, text: () => string) =>
    stdout.write(isJson ? `${JSON.stringify(record)}\n` : text());
  return {
    list: (args) => listCommand(args, io),
    async pull(args) {
      const shipped = findShipped(args.name);
      if (shipped) return await tellShipped(shipped, args, io);
      await pullCommand(namedEntry(args.name), args, io);
    },
    async verify({ source, cache, json }) {
      const found = await verified(source, cache, io);
      const { path, name, size, sha256, how } = found;
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
      const { path, entry, shipped } = await networkFile(input, { cache, env });
      if (shipped) refusePreprocessing(shipped.name, preprocessing);
      const converted = await convertNetwork(path, output, preprocessing ?? entry?.preprocessing);
      const { layers, size } = converted;
      stdout.write(
        `Wrote '${output}' (${megabytes(size)}): ${layers[0]} to ${layers.at(-1)}, ${converted.preprocessing} preprocessing.\n`,
      );
    },
    async inspect({ source, cache, json }) {
      const inspection = await inspectFile((await networkFile(source, { cache, env })).path);
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
async function verified(source: string, cache: string | undefined, { env }: Pick<Io, "env">) {
  const { path, entry, shipped } = await networkFile(source, { cache, env });
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

/** In place of a download, of one that needs none. Throws `bad-weights` where its file is damaged. */
async function tellShipped(
  { name, licence }: ShippedNetwork,
  { report, cache }: PullArguments,
  io: Io,
): Promise<void> {
  const { path, sha256 } = await verified(name, cache, io);
  const record = { event: "done", name, path, sha256, verified: true, fetched: false };
  if (report === "json") io.stdout.write(`${JSON.stringify(record)}\n`);
  if (report === "people")
    io.stderr.write(`'${name}' comes with the program and is in '${path}'. Licence: ${licence}.\n`);
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
      onProgress: (progress) => reporter.progress(progress),
      onNote: (sentence) => reporter.note(sentence),
    });
    reporter.end();
    if (report === "json") io.stdout.write(`${JSON.stringify({ event: "done", name, ...result })}\n`);
    if (report === "people")
      reporter.note(
        `'${name}' is ${result.fetched ? "" : "already "}in '${result.path}'. Licence: ${entry.licence}.`,
      );
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
  const told = Object.entries(metadata).map(([key, value]) => `${key}: ${value}`);
  return rows(path, [
    ["format", formats[format]],
    ["tensors", `${tensors}: ${types.join(", ")}`],
    ["layers", describeLayers(inspection)],
    ["names", `${naming}${prefix ? `, behind '${prefix}'` : ""}`],
    ["preprocessing", `${preprocessing}: ${reason}`],
    ...(told.length > 0 ? [["metadata", told.join(", ")] as const] : []),
  ]);
}
