/** Variants of a convolution on one problem: whether each compiles, is right, and how long it takes. */
import { StylizeError } from "../../engine/errors.ts";
import type { Arena } from "../../engine/gpu/arena.ts";
import type { GpuContext } from "../../engine/gpu/context.ts";
import type { Program } from "../../engine/gpu/program.ts";
import { STOPWATCH_BYTES, Stopwatch } from "../../engine/gpu/stopwatch.ts";
import { Submission } from "../../engine/gpu/submission.ts";
import { Exercise } from "../../engine/ops/gpu/exercise.ts";
import type { Problem, Variant } from "../../engine/ops/gpu/variants.ts";
import { messageOf } from "../processes.ts";
import type { Trial } from "./report.ts";

/** One variant of each method, that with the most usual tile: what stands for all where time is short. */
export function oneOfEach(variants: readonly Variant[]): readonly Variant[] {
  const usual = ({ tile }: Variant) => tile.channels === 64 && tile.pixels === 64;
  const methods = [...new Set(variants.map(({ method }) => method))];
  return methods.map((method) => {
    const same = variants.filter((variant) => variant.method === method);
    return same.find(usual) ?? same.at(-1)!;
  });
}

/** Throws only where the device is lost. */
export async function tryVariants(
  context: GpuContext,
  problem: Problem,
  variants: readonly Variant[],
): Promise<Trial[]> {
  using arena = context.arena("trials");
  let exercise: Exercise;
  try {
    exercise = await context.guarded(() => new Exercise(context, arena, problem));
  } catch (error) {
    return variants.map((variant) => ({ ...named(variant), ...failureOf(error) }));
  }
  const timer = new Timer(context, arena);
  const trials: Trial[] = [];
  for (const variant of variants) {
    try {
      trials.push({ ...named(variant), ...(await tryVariant(context, exercise, timer, variant)) });
    } catch (error) {
      trials.push({ ...named(variant), ...failureOf(error) });
    }
  }
  return trials;
}

const named = ({ name, method }: Variant) => ({ variant: name, method });

async function tryVariant(context: GpuContext, exercise: Exercise, timer: Timer, variant: Variant) {
  const program = await context.guarded(() => exercise.record(variant));
  const began = performance.now();
  await program.ready();
  const compileMs = performance.now() - began;
  const isRight = await exercise.isRight(program);
  const ms = await timer.time(program); // also of a wrong one: it may only be inaccurate
  return { verdict: isRight ? "right" : "wrong", compileMs, ms } as const;
}

/** What an error says of a variant. Throws it again where the device is lost, with which all others would be, too. */
export function failureOf(error: unknown): Pick<Trial, "verdict" | "message"> {
  const message = messageOf(error);
  if (!(error instanceof StylizeError)) return { verdict: "failed", message };
  if (error.code === "device-lost") throw error;
  if (error.code === "out-of-memory") return { verdict: "no memory", message };
  return { verdict: /does not compile/.test(message) ? "does not compile" : "failed", message };
}

/** About how long a program is timed, in milliseconds, and how often it runs at most. */
const TIMED_MS = 8;
const MAX_RUNS = 50;
/** Times, of which the least counts; of what takes longer than a tenth of a second a single one. */
const REPEATS = 3;
const LONG_MS = 100;

/** On the device's clock, or on the host's where that has none. */
export class Timer {
  readonly #context: GpuContext;
  readonly #stopwatch: Stopwatch;
  readonly #staging: GPUBuffer;

  constructor(context: GpuContext, arena: Arena) {
    this.#context = context;
    this.#stopwatch = new Stopwatch(context, arena);
    this.#staging = arena.staging("timestamps", STOPWATCH_BYTES);
  }

  /** Milliseconds of a run of `program`, whose kernels are ready. */
  async time(program: Program): Promise<number> {
    let best = await this.#run(program, 1);
    for (let i = 0; i < REPEATS && best < LONG_MS; i++) {
      const runs = Math.max(1, Math.min(MAX_RUNS, Math.round(TIMED_MS / best)));
      best = Math.min(best, await this.#run(program, runs));
    }
    return best;
  }

  async #run(program: Program, runs: number): Promise<number> {
    const { device } = this.#context;
    const submission = new Submission(device, "trial");
    const { begin, end } = this.#stopwatch;
    const start = performance.now();
    for (let i = 0; i < runs; i++) {
      const isLast = i === runs - 1;
      program.encode(submission, { begin: i === 0 ? begin : undefined, end: isLast ? end : undefined });
    }
    this.#stopwatch.read(submission.encoder, this.#staging, 0);
    submission.submit();
    await this.#context.until(device.queue.onSubmittedWorkDone());
    const ms = performance.now() - start;
    const bytes = await this.#context.readStaging(this.#staging);
    return (Stopwatch.milliseconds(bytes, 0, ms) ?? ms) / runs;
  }
}
