/** Style transfer by optimisation: the whole job. */

import type { ScaleLeft } from "./checkpoint.ts";
import { type CompileAhead, compileAhead } from "./compile-ahead.ts";
import { kernelsOf } from "./dry-run.ts";
import { StylizeError } from "./errors.ts";
import type { Iterate } from "./iterate.ts";
import {
  checkJob,
  type Job,
  type LoadedJob,
  loadJob,
  picturesAt,
  prepareScale,
  type StylizeOptions,
} from "./job.ts";
import { KernelTuning } from "./kernel-tuning.ts";
import { lossName, type Objective, type Term } from "./losses/objective.ts";
import type { RecordedLosses } from "./losses/record.ts";
import { withoutOpacity } from "./opacity.ts";
import { carryTo, type OptimizerCarry } from "./optimizers/optimizer.ts";
import { noisePicture, type Picture } from "./picture.ts";
import type { ScalePlan } from "./pyramid.ts";
import { resample } from "./resample.ts";
import { type Pause, runScale, type ScaleRun } from "./scale.ts";

export type { StylizeOptions } from "./job.ts";

export interface StylizeResult {
  /** The picture with the least loss at the last scale reached. */
  readonly picture: Picture;
  readonly aborted: boolean;
  /** The last step's record, `picture` belongs to its scale; undefined if the run was stopped before its first. */
  readonly last: Iterate | undefined;
}

/**
 * Paints `content` in the manner of `styles`: minimises content, style and total variation losses over its pixels,
 * scale by scale.
 *
 * The same options on the same adapter give the same picture, bit for bit.
 * Source: Gatys, Ecker and Bethge (2016); relative losses as in losses/objective.ts.
 *
 * @throws StylizeError; after a failure midway its `picture` is the last good one.
 *
 * @example
 * ```ts
 * import { stylize } from "stylize";
 * import { openContext } from "stylize/node";
 * import { decodePicture, savePicture } from "stylize/pictures";
 * import { loadDefaultNetwork } from "stylize/weights";
 *
 * using context = await openContext();
 * const network = await loadDefaultNetwork(context);
 * const { picture: content } = await decodePicture("photo.jpg");
 * const { picture: style } = await decodePicture("painting.jpg");
 * const { picture } = await stylize({ context, network, content, styles: [style], size: 512 });
 * await savePicture("result.png", picture);
 * ```
 */
export async function stylize(options: StylizeOptions): Promise<StylizeResult> {
  const { context, signal, tuning: store, onNote } = options;
  const job = checkJob(options);
  const notes = new Notes(onNote);
  const note = (sentence: string) => notes.say(sentence);
  const tuning =
    store === false ? undefined : new KernelTuning(context, { precision: job.precision, store, note });
  await tuning?.prepare();
  const ahead = compileAhead(context, () => kernelsOf(job), signal);
  try {
    using weights = context.arena("weights");
    const loaded = await loadJob(job, weights);
    await ahead.join();
    let state: Handover = { picture: firstPicture(job), last: undefined, carry: undefined };
    for (const [i, left] of job.left.entries()) {
      if (signal?.aborted) break;
      const run = { ahead, notes, tuning: i === 0 ? tuning : undefined };
      state = await stylizeScale(loaded, left, state, run);
    }
    notes.end();
    return { picture: state.picture, aborted: signal?.aborted ?? false, last: state.last };
  } finally {
    await ahead.stop();
  }
}

/** What goes from scale to scale. */
interface Handover {
  readonly picture: Picture;
  readonly last: Iterate | undefined;
  readonly carry: OptimizerCarry | undefined;
}

/** What goes along with a run. */
interface Company {
  readonly ahead: CompileAhead;
  readonly notes: Notes;
  /** At the first scale. */
  readonly tuning: KernelTuning | undefined;
}

/** Does the steps of a scale behind those that are done. */
async function stylizeScale(
  job: LoadedJob,
  { scale, done }: ScaleLeft,
  before: Handover,
  { ahead, notes, tuning }: Company,
): Promise<Handover> {
  const { context } = job;
  const { signal, onIterate } = job.options;
  const { steps, ...size } = job.scales[scale]!;
  let kept = before.picture;
  let last = before.last;
  await using arena = context.arena(`scale ${scale + 1}`); // the last to go: it waits for the other's memory, too
  using memory = context.arena(`optimizer at scale ${scale + 1}`);
  try {
    const pictures = picturesAt(job, size, before.picture);
    const prepared = await prepareScale(job, { arena, memory }, pictures, steps - done, before.carry);
    notes.dropped(prepared.objective.dropped);
    const run: ScaleRun = {
      ...prepared,
      signal,
      pause: tuning && pauseForTuning(job, tuning, prepared.objective, { scale, done }, notes),
      keep: (picture) => {
        kept = picture;
      },
      onStep: async (step, losses, ms, picture) => {
        ahead.stepped();
        last = iterateOf(job, scale, done + step, losses, ms);
        notes.step(last);
        await onIterate?.(last, picture);
      },
    };
    const picture = await runScale(run);
    if (last === before.last) return before;
    const next = signal?.aborted ? undefined : job.scales[scale + 1];
    const carry = next && carryTo(await run.optimizer.carry(), size, next);
    return { picture, last, carry };
  } catch (error) {
    throw withPicture(error, kept);
  }
}

/** Steps that are measured before it is known how long a run lasts. */
const MEASURED_STEPS = 3;
/** A run that takes so many seconds more is worth tuning, which takes up to three. */
const WORTH_TUNING = 15;

/** Tunes behind the first steps where many seconds are left; undefined where nothing is left to be found out. */
function pauseForTuning(
  job: LoadedJob,
  tuning: KernelTuning,
  objective: Objective,
  { scale, done }: ScaleLeft,
  notes: Notes,
): Pause | undefined {
  const { context, options, scales } = job;
  const layers = job.model.layers.map(({ layer }) => layer);
  const problems = tuning.unknownProblems(layers, scales.at(-1)!);
  if (problems.length === 0) return undefined;
  return {
    after: MEASURED_STEPS,
    async act(ms) {
      if (secondsLeft(scales, { scale, done: done + MEASURED_STEPS }, ms) < WORTH_TUNING) return;
      notes.say("Finding this adapter's fastest kernels, once, for some seconds.");
      const { choices } = context;
      try {
        await objective.recordAgain(async () => {
          await tuning.tune(problems, { signal: options.signal });
          await tuning.keep().catch((error: Error) => notes.say(error.message));
        });
      } catch (error) {
        if (!(error instanceof StylizeError && error.code === "out-of-memory")) throw error;
        context.choices = choices; // those of before fit
        await objective.recordAgain(async () => {});
      }
    },
  };
}

/** How long the rest of a run takes where a step of scale `scale` takes `ms`, in seconds. */
function secondsLeft(scales: readonly ScalePlan[], { scale, done }: ScaleLeft, ms: number): number {
  const msPerPixel = ms / (scales[scale]!.width * scales[scale]!.height);
  const pixels = scales.slice(scale).reduce((sum, { width, height, steps }, i) => {
    return sum + width * height * (i === 0 ? steps - done : steps);
  }, 0);
  return (msPerPixel * pixels) / 1000;
}

/** More than one step in so many thrown away is worth a word. */
const MANY_RESTORED = 10;

/** What a run says beside its records, each thing once. */
class Notes {
  readonly say: (sentence: string) => void;
  readonly #dropped = new Set<string>();
  #steps = 0;
  #restored = 0;

  constructor(say: (sentence: string) => void = () => {}) {
    this.say = say;
  }

  dropped(terms: readonly Term[]): void {
    for (const name of terms.map(lossName)) {
      if (this.#dropped.has(name)) continue;
      this.#dropped.add(name);
      this.say(`The ${name} is left out: all features to aim at are zero there.`);
    }
  }

  step({ restored }: Iterate): void {
    this.#steps++;
    if (restored) this.#restored++;
  }

  end(): void {
    if (MANY_RESTORED * this.#restored <= this.#steps) return;
    this.say(
      `The loss exploded at ${this.#restored} of ${this.#steps} steps, which were thrown away: a smaller learning ` +
        "rate or the other optimizer may paint more.",
    );
  }
}

function firstPicture({ options, settings, scales }: Job): Picture {
  const { content, start, resume } = options;
  const size = scales[0]!;
  if (resume) return resume.picture;
  if (settings.init === "noise") return noisePicture(size, settings.seed);
  return withoutOpacity(resample(settings.init === "file" ? start! : content, size.width, size.height));
}

function iterateOf(job: LoadedJob, scale: number, step: number, losses: RecordedLosses, ms: number): Iterate {
  const steps = job.scales.map((planned) => planned.steps);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const values = (kind: Term["kind"]) =>
    job.terms.flatMap((term, i) => (term.kind === kind ? [[term, losses.terms[i]!] as const] : []));
  return {
    scale,
    scales: steps.length,
    ...job.scales[scale]!,
    step: step + 1,
    totalStep: sum(steps.slice(0, scale)) + step + 1,
    totalSteps: sum(steps),
    loss: losses.total,
    content: sum(values("content").map(([, value]) => value)),
    style: Object.fromEntries(
      values("style").map(([term, value]) => [term.kind === "style" && term.layer, value]),
    ),
    tv: sum(values("tv").map(([, value]) => value)),
    ms,
    gpuBytes: job.context.liveBytes,
    restored: losses.restored,
  };
}

/** The error with the last good picture attached: what was made is not lost. */
function withPicture(error: unknown, picture: Picture): StylizeError {
  if (error instanceof StylizeError) {
    return new StylizeError(error.code, error.message, {
      cause: error.cause,
      picture: error.picture ?? picture,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new StylizeError("gpu-error", message, { cause: error, picture });
}
