/**
 * Right and fast kernels without anybody's doing: what a self-test and tuning find out about an adapter, when they run
 * and where that is kept.
 *
 * A self-test of some 50 ms comes before the first run on a context. Tuning takes up to three seconds, once a run's
 * first steps show that more than 15 s are left. Both are for the gpu family on a GPU.
 */
import type { GpuContext, Verdict } from "./gpu/context.ts";
import type { Precision } from "./gpu/precision.ts";
import type { ConvLayer } from "./network/layers.ts";
import {
  type KnownKernels,
  kernelsFingerprint,
  parseKnown,
  serializeKnown,
} from "./ops/gpu/known-kernels.ts";
import { problemsOf, selfTest, type Tuned, type TuneOptions, tune } from "./ops/gpu/tune.ts";
import { type Problem, problemKey } from "./ops/gpu/variants.ts";
import type { Size } from "./picture.ts";
import type { TuningStore } from "./tuning-store.ts";

/** Whether kernels are chosen at all: llvmpipe's are the only ones of their kind. */
const hasChoice = ({ family }: GpuContext): boolean => family === "gpu";

/** Gives `context` what `store` keeps for its adapter. Never rejects: what can't be read is as good as absent. */
export async function readKnown(context: GpuContext, store: TuningStore | undefined): Promise<void> {
  if (!hasChoice(context) || !store) return;
  const fingerprint = kernelsFingerprint(context);
  const text = await store.read(fingerprint).catch(() => undefined);
  const { choices, verdicts } = parseKnown(text ?? "", fingerprint);
  context.choices = new Map([...choices, ...context.choices]);
  context.verdicts = new Map([...verdicts, ...context.verdicts]);
}

export interface KernelTuningOptions {
  readonly precision: Precision;
  readonly store: TuningStore | undefined;
  /** Takes what went wrong, which ends nothing. */
  readonly note: (sentence: string) => void;
}

/** What is known of a context's kernels, and how more is found out. */
export class KernelTuning {
  readonly #context: GpuContext;
  readonly #options: KernelTuningOptions;

  constructor(context: GpuContext, options: KernelTuningOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Takes what is kept, and tests what was never tested on this adapter. Rejects only where the device is lost. */
  async prepare(): Promise<void> {
    const [context, { precision, store, note }] = [this.#context, this.#options];
    if (!hasChoice(context)) return;
    await readKnown(context, store);
    if (context.isSoftware || context.verdicts.has(precision)) return;
    this.#learn(await selfTest(context, precision));
    await this.keep().catch((error: Error) => note(error.message));
  }

  /**
   * The shapes of a picture's convolutions for which nothing was chosen so far, the most work first; none where there
   * is no choice, or nothing to gain by it.
   */
  unknownProblems(layers: readonly ConvLayer[], size: Size): readonly Problem[] {
    const context = this.#context;
    if (!hasChoice(context) || context.isSoftware) return [];
    const problems = problemsOf(layers, size, this.#options.precision);
    return problems.filter((problem) => !context.choices.has(problemKey(problem)));
  }

  /** Tunes `problems`; the context takes what was found. */
  async tune(problems: readonly Problem[], options: TuneOptions = {}): Promise<readonly Tuned[]> {
    const context = this.#context;
    const found = await tune(context, problems, options);
    const wrong = found.flatMap((tuned) => tuned.wrong);
    if (wrong.length > 0) this.#learn({ wrong });
    context.choices = new Map([
      ...context.choices,
      ...found.map(({ key, variant }) => [key, variant] as const),
    ]);
    return found;
  }

  #learn({ wrong, matrix }: Verdict): void {
    const [context, { precision, note }] = [this.#context, this.#options];
    const before = context.verdicts.get(precision);
    const all = [...new Set([...(before?.wrong ?? []), ...wrong])];
    const verdict = { wrong: all, matrix: matrix ?? before?.matrix };
    context.verdicts = new Map([...context.verdicts, [precision, verdict]]);
    if (wrong.length > 0) {
      note(
        `${context.adapterName} computes ${wrong.join(", ")} wrong, which are not used on it; please report it.`,
      );
    }
  }

  /** Keeps what the context knows beside what others found meanwhile. Rejects as the store does. */
  async keep(): Promise<void> {
    const [context, { store }] = [this.#context, this.#options];
    if (!store) return;
    const fingerprint = kernelsFingerprint(context);
    const text = await store.read(fingerprint).catch(() => undefined);
    const before = parseKnown(text ?? "", fingerprint);
    const known: KnownKernels = {
      choices: new Map([...before.choices, ...context.choices]),
      verdicts: new Map([...before.verdicts, ...context.verdicts]),
    };
    await store.write(fingerprint, serializeKnown(known, fingerprint));
  }
}
