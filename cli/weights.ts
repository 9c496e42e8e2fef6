/** `stylize weights ...`: networks listed, fetched, verified, converted and looked into. */
import { StylizeError } from "../engine/errors.ts";
import { convertNetwork } from "../weights/convert.ts";
import { cachedPath, cacheFolder } from "../weights/download/cache.ts";
import { megabytes } from "../weights/download/mirror-failure.ts";
import { pull, verifyFile } from "../weights/download/pull.ts";
import { pullConvolutions } from "../weights/download/pull-convolutions.ts";
import { type Inspection, inspectFile } from "../weights/inspect.ts";
import { networkFile } from "../weights/load.ts";
import { findEntry, type ManifestEntry, manifest } from "../weights/manifest.ts";
import { createDownloadReporter } from "./download-progress.ts";
import { type Io, onInterrupt } from "./io.ts";
import { rows } from "./rows.ts";
import type { PullArguments, WeightsHandlers } from "./weights-arguments.ts";

/** The commands for one process. They throw StylizeError. */
export function weightsCommands(io: Io): WeightsHandlers {
  const { stdout, env } = io;
  const report = (isJson: boolean, record: object, text: () => string) =>
    stdout.write(isJson ? `${JSON.stringify(record)}\n` : text());
  return {
    async list({ cache, json }) {
      for (const entry of manifest) {
        const path = await cachedPath(entry, cacheFolder(env, cache));
        report(json, { ...entry, path }, () => describeEntry(entry, path));
      }
    },
    pull: (args) => pullCommand(namedEntry(args.name), args, io),
    async verify({ source, cache, json }) {
      const { path, entry } = await networkFile(source, { cache, env });
      const { size, sha256 } = await verifyFile(path);
      const published = manifest.find((known) => hashes(known).includes(sha256));
      if (!published || (entry && published !== entry)) {
        const expected = entry
          ? `the network '${entry.name}' as published`
          : "a network of 'stylize weights list'";
        throw new StylizeError(
          "bad-weights",
          `Expected '${path}' to be ${expected} but its ${size} bytes have the SHA-256 ${sha256}.`,
        );
      }
      const { name } = published;
      report(
        json,
        { path, name, size, sha256 },
        () => `'${path}' is '${name}' as published, SHA-256 ${sha256}.\n`,
      );
    },
    async path({ name, cache }) {
      const path =
        name === undefined ? cacheFolder(env, cache) : (await networkFile(name, { cache, env })).path;
      stdout.write(`${path}\n`);
    },
    async convert({ input, output, cache, preprocessing }) {
      const { path, entry } = await networkFile(input, { cache, env });
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

function hashes({ sha256, convolutions }: ManifestEntry): string[] {
  return convolutions ? [sha256, convolutions.sha256] : [sha256];
}

function namedEntry(name: string): ManifestEntry {
  const entry = findEntry(name);
  if (entry) return entry;
  const known = manifest.map((other) => other.name).join(", ");
  throw new StylizeError("bad-option", `Expected the name of a network (${known}) but received '${name}'.`);
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

function describeEntry(
  { name, title, size, licence, source }: ManifestEntry,
  path: string | undefined,
): string {
  return rows(name, [
    ["what", title],
    ["size", size === undefined ? "not known before it is fetched" : megabytes(size)],
    ["licence", licence],
    ["source", source],
    ["file", path ?? `not here; 'stylize weights pull ${name}' fetches it`],
  ]);
}

const formats = {
  safetensors: "safetensors",
  "torch-zip": "PyTorch's zip archive",
  "torch-legacy": "PyTorch's format before version 1.6",
} as const;

function describeInspection(inspection: Inspection): string {
  const { path, format, tensors, dtypes, metadata, naming, prefix, layers, missing, preprocessing, reason } =
    inspection;
  const types = Object.entries(dtypes).map(([dtype, count]) => `${count} ${dtype}`);
  const told = Object.entries(metadata).map(([key, value]) => `${key}: ${value}`);
  return rows(path, [
    ["format", formats[format]],
    ["tensors", `${tensors}: ${types.join(", ")}`],
    [
      "VGG19",
      `${layers[0]} to ${layers.at(-1)}${missing.length > 0 ? `; ${missing.join(", ")} missing` : ""}`,
    ],
    ["names", `${naming}${prefix ? `, behind '${prefix}'` : ""}`],
    ["preprocessing", `${preprocessing}: ${reason}`],
    ...(told.length > 0 ? [["metadata", told.join(", ")] as const] : []),
  ]);
}
