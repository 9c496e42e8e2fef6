/**
 * Finds the fastest variant of each convolution by timing them: a search of some seconds, whose result is worth keeping
 * (choices.ts).
 *
 * A problem is timed on maps of 2^n pixels, the power next to its own. Maps and weights are zero: a GPU's arithmetic
 * does not care.
 */
import { StylizeError } from "../../errors.ts";
import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import { CountingContext } from "../../gpu/counting-context.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Precision } from "../../gpu/precision.ts";
import { Program } from "../../gpu/program.ts";
import { STOPWATCH_BYTES, Stopwatch } from "../../gpu/stopwatch.ts";
import { type ConvLayer, padded, vgg19 } from "../../network/layers.ts";
import type { Size } from "../../picture.ts";
import { type Convolution, type Finish, recordVariant } from "./convolution.ts";
import { MASK_CHANNELS, mapShape, maskBytes, texelBytes } from "./layout.ts";
import { GpuScratch } from "./scratch.ts";
import {
  defaultVariant,
  type Problem,
  problemExponent,
  problemKey,
  type Variant,
  variantsFor,
} from "./variants.ts";
import { DirectedWeights } from "./weights.ts";

/** What was found for one key of `GpuContext.choices`. */
export interface Tuned {
  readonly key: string;
  readonly variant: string;
  readonly ms: number;
  /** Of the variant that is used where nothing was tuned. */
  readonly defaultMs: number;
  /** Variants that were timed, those included that were given up after their first run. */
  readonly timed: number;
}

export interface TuneOptions {
  /** Milliseconds, compilation included; problems that are not reached by then keep their defaults. */
  readonly budgetMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onTuned?: (tuned: Tuned) => void;
}

const BUDGET_MS = 10_000;
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

/** Times the variants of each problem. Resolves with what was found within the budget. */
export async function tune(
  context: GpuContext,
  problems: readonly Problem[],
  { budgetMs = BUDGET_MS, signal, onTuned }: TuneOptions = {},
): Promise<Tuned[]> {
  const found: Tuned[] = [];
  const deadline = performance.now() + budgetMs;
  const isOver = () => performance.now() > deadline || signal?.aborted === true;
  for (const problem of problems) {
    if (isOver()) break;
    const tuned = await tuneProblem(context, problem, isOver);
    if (!tuned) continue;
    found.push(tuned);
    onTuned?.(tuned);
  }
  return found;
}

async function tuneProblem(
  context: GpuContext,
  problem: Problem,
  isOver: () => boolean,
): Promise<Tuned | undefined> {
  using arena = context.arena("tuning");
  const candidates = await recordCandidates(context, arena, problem);
  const timer = new Timer(context, arena);
  const times = new Map<Variant, number>();
  const usual = defaultVariant(problem);
  let timed = 0;
  for (const { variant, program } of candidates) {
    if (times.size > 0 && isOver()) break;
    timed++;
    const ms = await timer.time(program, HOPELESS * Math.min(...times.values()));
    if (ms !== undefined) times.set(variant, ms);
  }
  const defaultMs = times.get(usual);
  if (defaultMs === undefined) return undefined;
  const [fastest, ms] = [...times].reduce((best, next) => (next[1] < best[1] ? next : best));
  const variant = ms < WORTH_IT * defaultMs ? fastest : usual;
  return {
    key: problemKey(problem),
    variant: variant.name,
    ms: times.get(variant)!,
    defaultMs,
    timed,
  };
}

interface Candidate {
  readonly variant: Variant;
  readonly program: Program;
}

/** Programs of all variants on the same memory, the default first; none where the problem does not fit the adapter. */
async function recordCandidates(context: GpuContext, arena: Arena, problem: Problem): Promise<Candidate[]> {
  try {
    return await context.guarded(() => recordVariants(context, arena, problem));
  } catch (error) {
    if (error instanceof StylizeError && error.code === "out-of-memory") return [];
    throw error;
  }
}

function recordVariants(context: GpuContext, arena: Arena, problem: Problem): Candidate[] {
  const usual = defaultVariant(problem);
  const { scratch, convolution } = exerciseOf(context, arena, problem);
  const recording = { context, scratch, precision: problem.precision };
  return variantsFor(problem, context)
    .toSorted((a, b) => Number(b === usual) - Number(a === usual))
    .map((variant) => {
      const program = new Program(context, arena);
      recordVariant({ ...recording, program }, convolution, variant, variant.name);
      return { variant, program };
    });
}

/** All kernels that tuning chooses from on the adapter of `context`; nothing is compiled. */
export function candidateKernels(context: GpuContext): readonly Kernel[] {
  const counting = new CountingContext(context);
  using arena = counting.arena("candidates");
  const outChannels = 128; // a multiple of every tile's
  for (const precision of ["f32", "f16"] as const) {
    for (const problem of problemsOf(vgg19, { height: 32, width: 32 }, precision)) {
      if (problem.outChannels === outChannels) recordVariants(counting, arena, problem);
    }
  }
  return counting.kernels;
}

/** A convolution of about the problem's size. */
function exerciseOf(context: GpuContext, arena: Arena, problem: Problem) {
  const { side, direction, inChannels, outChannels, precision } = problem;
  const exponent = problemExponent(problem);
  const [height, width] = [2 ** (exponent >> 1), 2 ** (exponent - (exponent >> 1))];
  const from = mapShape(inChannels, height, width);
  const shape = mapShape(outChannels, height, width);
  const valueBytes = texelBytes(precision) / 4;
  const y = arena.buffer("y", valueBytes * outChannels * height * width);
  const x = { shape: from, resource: arena.buffer("x", valueBytes * inChannels * height * width) };
  const count = inChannels * outChannels;
  const scratch = new GpuScratch(
    arena,
    Math.max(inChannels, outChannels) * height * width,
    texelBytes(precision),
  );
  const mask = arena.buffer("mask", maskBytes(shape));
  const finish: Finish =
    direction === "forward"
      ? { mode: "forward", bias: arena.buffer("bias", 4 * outChannels), mask }
      : { mode: side === 3 ? "masked" : "added", mask };
  const convolution: Convolution =
    side === 3
      ? {
          side,
          x,
          y,
          shape,
          finish,
          weights: new DirectedWeights(context, arena, "weights", new Float32Array(9 * count), precision),
        }
      : { side, x, y, shape, finish, weights: arena.buffer("weights", 4 * count) };
  return { scratch, convolution };
}

/** Times programs on the device where the adapter has timestamps, else until their work is done on the host's clock. */
class Timer {
  readonly #context: GpuContext;
  readonly #stopwatch: Stopwatch;
  readonly #hasTimestamps: boolean;
  readonly #staging: GPUBuffer;

  constructor(context: GpuContext, arena: Arena) {
    this.#context = context;
    this.#stopwatch = new Stopwatch(context, arena);
    this.#hasTimestamps = context.device.features.has("timestamp-query");
    this.#staging = arena.staging("timestamps", STOPWATCH_BYTES);
  }

  /**
   * Milliseconds of a run of `program`; undefined where it takes longer than `hopeless` or a kernel of it does not
   * compile.
   */
  async time(program: Program, hopeless: number): Promise<number | undefined> {
    try {
      await program.ready();
    } catch (error) {
      if (error instanceof StylizeError && error.code === "gpu-error") return undefined;
      throw error;
    }
    await this.#run(program, 1); // drivers finish kernels when they are first used
    const first = await this.#run(program, 1);
    if (first > hopeless) return undefined;
    const runs = Math.max(1, Math.min(MAX_RUNS, Math.round(TIMED_MS / first)));
    return Math.min(first, await this.#run(program, runs));
  }

  async #run(program: Program, runs: number): Promise<number> {
    const { device } = this.#context;
    const encoder = device.createCommandEncoder({ label: "tuning" });
    this.#stopwatch.start(encoder);
    for (let i = 0; i < runs; i++) program.encode(encoder);
    this.#stopwatch.stop(encoder, this.#staging, 0);
    const begin = performance.now();
    device.queue.submit([encoder.finish()]);
    await this.#context.until(device.queue.onSubmittedWorkDone());
    const ms = performance.now() - begin;
    if (!this.#hasTimestamps) return ms / runs;
    return Stopwatch.read(await this.#context.readStaging(this.#staging), 0) / runs;
  }
}
