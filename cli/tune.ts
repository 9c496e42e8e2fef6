/** `stylize tune`: times the variants of kernels on an adapter and keeps the fastest, which later runs use. */

import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GpuContext } from "../engine/gpu/context.ts";
import { type Precision, precisionOn } from "../engine/gpu/precision.ts";
import type { ConvLayer } from "../engine/network/layers.ts";
import type { Network } from "../engine/network/types.ts";
import { openContext } from "../engine/node.ts";
import {
  type Choices,
  choicesFingerprint,
  parseChoices,
  serializeChoices,
} from "../engine/ops/gpu/choices.ts";
import { distinct, problemsOf, type Tuned, tune } from "../engine/ops/gpu/tune.ts";
import { type Problem, problemKey } from "../engine/ops/gpu/variants.ts";
import { parseSettings } from "../engine/options.ts";
import type { Size } from "../engine/picture.ts";
import { planScales, type ScalePlan } from "../engine/pyramid.ts";
import { writeFailed, writeFileSafely } from "../pictures/index.ts";
import { cacheFolder, type Environment } from "../weights/download/cache.ts";
import { packageVersion, type TuneArguments } from "./arguments.ts";
import { INTERRUPTED, type Io, jsonLine, onInterrupt, telling } from "./io.ts";
import { chooseNetwork } from "./network.ts";

/** For tests. */
export interface TuneOverrides {
  /** Tunes on a software adapter, too, with the gpu family's kernels. */
  readonly onSoftware?: boolean;
  readonly budgetMs?: number;
}

/** Returns the exit status: 0, or 130 when it was stopped from outside; what was found by then is kept. */
export async function tuneCommand(
  { sizes, precision: wanted, weights, device, cache, json }: TuneArguments,
  io: Io,
  { onSoftware = false, ...budget }: TuneOverrides = {},
): Promise<number> {
  const networkFor = await chooseNetwork({ weights, cache, preprocessing: undefined }, io.env);
  using context = await openContext({
    ...(device === undefined ? {} : { adapter: device }),
    ...(onSoftware ? { family: "gpu" } : {}),
  });
  const { tell, note } = telling(json ? "json" : "people", io);
  if (context.isSoftware && !onSoftware) {
    note(`${context.adapterName} is a processor and not a GPU: there is nothing to tune for it.`);
    return 0;
  }
  const { layers } = await networkFor(context);
  const scales = sizes.flatMap((size) => planScales({ width: size, height: size }, parseSettings({ size })));
  const problems = problemsOfScales(layers, scales, precisionOn(context, wanted));
  const controller = new AbortController();
  const release = onInterrupt(io, () => controller.abort());
  try {
    if (!json) io.stdout.write(row("shape", "fastest", "ms", "usual ms"));
    const onTuned = (tuned: Tuned) =>
      io.stdout.write(json ? jsonLine({ event: "tuned", ...tuned }) : describe(tuned));
    const found = await tune(context, problems, { ...budget, signal: controller.signal, onTuned });
    const file = new TuningFile(context, io.env, cache);
    await file.add(new Map(found.map(({ key, variant }) => [key, variant])));
    const left = problems.length - found.length;
    const rest =
      left > 0 ? ` ${left} of ${problems.length} shapes were not reached and keep their usual kernels.` : "";
    tell("saved", { path: file.path, left }, `Kept in '${file.path}'.${rest}`);
    return controller.signal.aborted ? INTERRUPTED : 0;
  } finally {
    release();
  }
}

const describe = ({ key, variant, ms, defaultMs }: Tuned): string =>
  row(key, variant, ms.toFixed(3), defaultMs.toFixed(3));

const row = (shape: string, variant: string, ms: string, usual: string): string =>
  `${shape.padEnd(32)}  ${variant.padEnd(22)}  ${ms.padStart(9)}  ${usual.padStart(9)}\n`;

/** A run of so many steps times millions of pixels lasts long enough to tune first. */
const WORTH_TUNING = 100;

/**
 * What tuning chose, kept beside the fetched networks: a file for each adapter, driver and version, with the choices of
 * both precisions.
 */
export class TuningFile {
  readonly path: string;
  readonly #fingerprint: string;

  /** `cache`: as `--cache`. */
  constructor(context: GpuContext, env: Environment, cache: string | undefined) {
    this.#fingerprint = choicesFingerprint(context, packageVersion());
    const name = createHash("sha256").update(this.#fingerprint).digest("hex").slice(0, 16);
    this.path = join(dirname(cacheFolder(env, cache)), "tuning", `${name}.json`);
  }

  /** None where the file is missing, damaged or for something else. */
  async read(): Promise<Choices> {
    const text = await readFile(this.path, "utf8").catch(() => "");
    return parseChoices(text, this.#fingerprint);
  }

  /** Keeps `choices` beside those that the file has for other shapes. Throws `write-failed`. */
  async add(choices: Choices): Promise<void> {
    const all = new Map([...(await this.read()), ...choices]);
    await mkdir(dirname(this.path), { recursive: true }).catch((cause) => {
      throw writeFailed(this.path, cause);
    });
    await writeFileSafely(this.path, Buffer.from(serializeChoices(all, this.#fingerprint)));
  }
}

/** The convolutions of all scales, one for each key, the most work first. */
export const problemsOfScales = (
  layers: readonly ConvLayer[],
  scales: readonly Size[],
  precision: Precision,
): Problem[] => distinct(scales.flatMap((size) => problemsOf(layers, size, precision)));

export interface TuningOptions {
  /** Of the run. */
  readonly precision: Precision;
  readonly env: Environment;
  readonly cache: string | undefined;
  readonly signal: AbortSignal;
  /** Whether the run only counts its memory: then nothing is tuned. */
  readonly dryRun: boolean;
  readonly note: (sentence: string) => void;
}

/**
 * Gives `context` the choices that are kept for its adapter. On a GPU that lacks some, a run long enough to repay it
 * tunes first.
 *
 * Nothing that fails here ends the run: without choices the kernels' defaults are used.
 */
export async function useTuning(
  context: GpuContext,
  { layers }: Network,
  scales: readonly ScalePlan[],
  { precision, env, cache, signal, dryRun, note }: TuningOptions,
): Promise<void> {
  if (context.family !== "gpu") return;
  const file = new TuningFile(context, env, cache);
  context.choices = await file.read();
  const problems = problemsOfScales(layers, scales, precision);
  const missing = problems.filter((problem) => !context.choices.has(problemKey(problem)));
  if (context.isSoftware || missing.length === 0 || work(scales) < WORTH_TUNING) return;
  if (dryRun) {
    note(
      "The run would first find this adapter's fastest kernels, which may take more memory; 'stylize tune' finds them.",
    );
    return;
  }
  note("Finding this adapter's fastest kernels, once, for some seconds.");
  const found = await tune(context, missing, { signal });
  const choices = new Map(found.map(({ key, variant }) => [key, variant]));
  context.choices = new Map([...context.choices, ...choices]);
  await file.add(choices).catch((error: Error) => note(error.message));
}

/** Steps times millions of pixels. */
const work = (scales: readonly ScalePlan[]): number =>
  scales.reduce((sum, { width, height, steps }) => sum + (width * height * steps) / 1e6, 0);
