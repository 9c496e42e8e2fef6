/**
 * Finds the fastest right variant of each convolution by timing them: a search of some seconds, whose result is worth
 * keeping (known-kernels.ts).
 *
 * A problem is timed on random maps of 2^n pixels, the power next to its own.
 */
import { StylizeError } from "../../errors.ts";
import type { GpuContext, Verdict } from "../../gpu/context.ts";
import { CountingContext } from "../../gpu/counting-context.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Precision } from "../../gpu/precision.ts";
import type { Program } from "../../gpu/program.ts";
import { Timer } from "../../gpu/timer.ts";
import { type ConvLayer, padded, vgg19 } from "../../network/layers.ts";
import type { Size } from "../../picture.ts";
import { Exercise } from "./exercise.ts";
import { MASK_CHANNELS } from "./layout.ts";
import {
  defaultVariant,
  fitness,
  oneOfEach,
  type Problem,
  problemKey,
  type Variant,
  variantsFor,
  verdictOn,
} from "./variants.ts";

/** What was found for one key of `GpuContext.choices`. */
export interface Tuned {
  readonly key: string;
  readonly variant: string;
  readonly ms: number;
  /** Of the variant that is used where nothing was tuned; undefined where that is wrong here. */
  readonly defaultMs: number | undefined;
  /** Variants that were timed, those included that were given up after their first run. */
  readonly timed: number;
  /** Variants whose outputs were wrong: no kernel of theirs is to be used on this adapter. */
  readonly wrong: readonly string[];
}

export interface TuneOptions {
  /** Milliseconds, compilation included; problems that are not reached by then keep their defaults. */
  readonly budgetMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onTuned?: (tuned: Tuned) => void;
}

/** What tuning takes in a run, where the caller doesn't say. */
export const BUDGET_MS = 3000;
/** Variants of a problem at most. */
const MOST_CANDIDATES = 10;
/** A variant that takes so many times as long as the best in its first run is not run again. */
const HOPELESS = 1.3;
/** A variant must be so much faster than the default to be chosen: noise is no reason. */
const WORTH_IT = 0.97;
/** About how long a variant is timed, in milliseconds, and how often it runs at most. */
const TIMED_MS = 8;
const MAX_RUNS = 20;

/**
 * The convolutions of loss and gradient on pictures of this size through `layers`, one for each key, the most work
 * first.
 */
export function problemsOf(
  layers: readonly ConvLayer[],
  { height, width }: Size,
  precision: Precision,
): Problem[] {
  const wide = layers.slice(1).map((layer) => padded(layer, MASK_CHANNELS));
  const convolutions = wide.flatMap(({ block, inChannels, outChannels }): Problem[] => {
    const pixels = (height >> block) * (width >> block);
    return [
      { side: 3, direction: "forward", inChannels, outChannels, pixels, precision },
      { side: 3, direction: "backward", inChannels: outChannels, outChannels: inChannels, pixels, precision },
      { side: 1, direction: "backward", inChannels: outChannels, outChannels, pixels, precision }, // of a style loss
    ];
  });
  return distinct(convolutions);
}

/** One problem for each key, the most work first. */
export function distinct(problems: readonly Problem[]): Problem[] {
  const work = ({ side, inChannels, outChannels, pixels }: Problem) =>
    side ** 2 * inChannels * outChannels * pixels;
  const byKey = new Map(problems.map((problem) => [problemKey(problem), problem]));
  return [...byKey.values()].sort((a, b) => work(b) - work(a));
}

/** Times the variants of each problem. Resolves with what was found within the budget, for the first one at least. */
export async function tune(
  context: GpuContext,
  problems: readonly Problem[],
  { budgetMs = BUDGET_MS, signal, onTuned }: TuneOptions = {},
): Promise<Tuned[]> {
  const found: Tuned[] = [];
  const deadline = performance.now() + budgetMs;
  const isOver = () => performance.now() > deadline || signal?.aborted === true;
  if (isOver()) return found;
  await compileTogether(context, problems);
  for (const [i, problem] of problems.entries()) {
    if (i > 0 && isOver()) break;
    const tuned = await tuneProblem(context, problem, isOver);
    if (!tuned) continue;
    found.push(tuned);
    onTuned?.(tuned);
  }
  return found;
}

/** Begins to compile what all candidates need, so that the first are timed while the driver has the others. */
async function compileTogether(context: GpuContext, problems: readonly Problem[]): Promise<void> {
  const counting = new CountingContext(context);
  for (const problem of problems) {
    using arena = counting.arena("candidates");
    await fitting(counting, () => {
      const exercise = new Exercise(counting, arena, problem);
      for (const variant of candidatesFor(problem, context)) exercise.record(variant);
    });
  }
  for (const kernel of counting.kernels) void context.adopt(kernel).ready.catch(() => {}); // told where it is awaited
}

/**
 * The variants that are timed: the default, then the best of each method by their number of workgroups, then the next
 * ones; twice as many of the method that promises most.
 */
export function candidatesFor(problem: Problem, context: GpuContext): readonly Variant[] {
  const usual = defaultVariant(problem, context);
  const ranks = [verdictOn(problem, context).matrix, "winograd4", "gemm", "gemm-f16", "winograd2"];
  const others = variantsFor(problem, context).filter((variant) => variant !== usual);
  const rest = distinctMethods(others).filter((method) => !ranks.includes(method));
  const queues = [...ranks, ...rest]
    .map((method) => others.filter((variant) => variant.method === method))
    .filter((queue) => queue.length > 0)
    .map((queue) => queue.toSorted((a, b) => fitness(problem, a) - fitness(problem, b)));
  const found = [usual];
  while (queues.some((queue) => queue.length > 0)) {
    for (const [i, queue] of queues.entries()) found.push(...queue.splice(0, i === 0 ? 2 : 1));
  }
  return found.slice(0, MOST_CANDIDATES);
}

const distinctMethods = (variants: readonly Variant[]) => [...new Set(variants.map(({ method }) => method))];

async function tuneProblem(
  context: GpuContext,
  problem: Problem,
  isOver: () => boolean,
): Promise<Tuned | undefined> {
  const { times, wrong } = await compare(context, problem, candidatesFor(problem, context), isOver);
  if (times.size === 0) return undefined;
  const usual = defaultVariant(problem, context);
  const defaultMs = times.get(usual);
  const [fastest, ms] = [...times].reduce((best, next) => (next[1] < best[1] ? next : best));
  const variant = ms < WORTH_IT * (defaultMs ?? Infinity) ? fastest : usual;
  const names = wrong.map(({ name }) => name);
  return {
    key: problemKey(problem),
    variant: variant.name,
    ms: times.get(variant)!,
    defaultMs,
    timed: times.size,
    wrong: names,
  };
}

interface Comparison {
  /** Milliseconds of the variants that are right; those of hopeless ones are of a single run. */
  readonly times: ReadonlyMap<Variant, number>;
  readonly wrong: readonly Variant[];
}

/** Runs `variants` of a problem on the same data until `isOver`, the first one at least. */
async function compare(
  context: GpuContext,
  problem: Problem,
  variants: readonly Variant[],
  isOver: () => boolean,
): Promise<Comparison> {
  const times = new Map<Variant, number>();
  const wrong: Variant[] = [];
  using arena = context.arena("tuning");
  const exercise = await fitting(context, () => new Exercise(context, arena, problem));
  if (!exercise) return { times, wrong };
  const timer = new Timer(context, arena);
  for (const variant of variants) {
    if (times.size > 0 && isOver()) break;
    const program = await fitting(context, () => exercise.record(variant));
    if (!program || !(await compiles(program))) continue;
    if (await exercise.isRight(program)) {
      times.set(variant, await leastTime(timer, program, HOPELESS * Math.min(...times.values())));
    } else {
      wrong.push(variant);
    }
  }
  return { times, wrong };
}

/** The convolution of a self-test: some GFLOP, a millisecond of a GPU; next to nothing on a software adapter. */
export const exerciseFor = (precision: Precision, isSoftware: boolean): Problem => ({
  side: 3,
  direction: "forward",
  inChannels: 128,
  outChannels: 128,
  pixels: isSoftware ? 2 ** 6 : 2 ** 14,
  precision,
});

/**
 * Which ways of computing a convolution can be trusted on an adapter, and whether its matrix units are worth their use:
 * each computes the same one on random data, once, and is timed.
 *
 * A driver or a compiler may be at fault where no test of ours ran: what is wrong here is never used.
 */
export async function selfTest(context: GpuContext, precision: Precision): Promise<Verdict> {
  const problem = exerciseFor(precision, context.isSoftware);
  const { limits, matrixConfigs, adapterInfo } = context;
  const all = variantsFor(problem, { limits, matrixConfigs, adapterInfo, verdicts: new Map() });
  const usual = all.find(({ name }) => name === "gemm-64x64-8x4")!;
  const { times, wrong } = await compare(context, problem, oneOfEach(all), () => false);
  const plainMs = times.get(usual) ?? Infinity;
  const quick = [...times]
    .filter(([{ kind }, ms]) => kind === "matrix" && ms < WORTH_IT * plainMs)
    .toSorted(([, a], [, b]) => a - b);
  return {
    wrong: wrong.map((variant) => (variant.method === usual.method ? variant.name : variant.method)),
    matrix: quick[0]?.[0].method,
  };
}

/** What `make` makes; undefined where the adapter has no room for it. */
async function fitting<T>(context: GpuContext, make: () => T): Promise<T | undefined> {
  try {
    return await context.guarded(make);
  } catch (error) {
    if (error instanceof StylizeError && error.code === "out-of-memory") return undefined;
    throw error;
  }
}

async function compiles(program: Program): Promise<boolean> {
  try {
    await program.ready();
    return true;
  } catch (error) {
    if (error instanceof StylizeError && error.code === "gpu-error") return false;
    throw error;
  }
}

/** All kernels that tuning chooses from on the adapter of `context`; nothing is compiled. */
export function candidateKernels(context: GpuContext): readonly Kernel[] {
  const counting = new CountingContext(context);
  counting.verdicts = new Map(); // those that were found wrong are part of what was to be found
  using arena = counting.arena("candidates");
  const outChannels = 128; // a multiple of every tile's
  for (const precision of ["f32", "f16"] as const) {
    for (const problem of problemsOf(vgg19, { height: 32, width: 32 }, precision)) {
      if (problem.outChannels !== outChannels) continue;
      const exercise = new Exercise(counting, arena, problem);
      for (const variant of variantsFor(problem, counting)) exercise.record(variant);
    }
  }
  return counting.kernels;
}

/** Milliseconds of a run of `program`, which has run before; of one run where it takes longer than `hopeless`. */
async function leastTime(timer: Timer, program: Program, hopeless: number): Promise<number> {
  const first = await timer.time(program, 1);
  if (first > hopeless) return first;
  const runs = Math.max(1, Math.min(MAX_RUNS, Math.round(TIMED_MS / first)));
  return Math.min(first, await timer.time(program, runs));
}
