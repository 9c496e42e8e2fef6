/**
 * What tuning chose, kept beside the fetched networks: a file for each adapter, driver and version, with the choices of
 * both precisions.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GpuContext } from "../engine/gpu/context.ts";
import type { Precision } from "../engine/gpu/precision.ts";
import type { ConvLayer } from "../engine/network/layers.ts";
import type { Network } from "../engine/network/types.ts";
import {
  type Choices,
  choicesFingerprint,
  parseChoices,
  serializeChoices,
} from "../engine/ops/gpu/choices.ts";
import { distinct, problemsOf, tune } from "../engine/ops/gpu/tune.ts";
import { type Problem, problemKey } from "../engine/ops/gpu/variants.ts";
import type { Size } from "../engine/picture.ts";
import type { ScalePlan } from "../engine/pyramid.ts";
import { writeFailed, writeFileSafely } from "../pictures/index.ts";
import { cacheFolder, type Environment } from "../weights/download/cache.ts";
import { packageVersion } from "./arguments.ts";

/** A run of so many steps times millions of pixels lasts long enough to tune first. */
const WORTH_TUNING = 100;

/** The file of one adapter's choices. */
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
