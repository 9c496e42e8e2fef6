/** Variants of a convolution on one problem: whether each compiles, is right, and how long it takes. */
import { StylizeError } from "../../engine/errors.ts";
import type { GpuContext } from "../../engine/gpu/context.ts";
import type { Program } from "../../engine/gpu/program.ts";
import { Timer } from "../../engine/gpu/timer.ts";
import { Exercise } from "../../engine/ops/gpu/exercise.ts";
import type { Problem, Variant } from "../../engine/ops/gpu/variants.ts";
import { messageOf } from "../processes.ts";
import type { Trial } from "./report.ts";

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
  const ms = await leastTime(timer, program); // also of a wrong one: it may only be inaccurate
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

/** Milliseconds of a run of `program`, whose kernels are ready. */
export async function leastTime(timer: Timer, program: Program): Promise<number> {
  let best = await timer.time(program, 1);
  for (let i = 0; i < REPEATS && best < LONG_MS; i++) {
    const runs = Math.max(1, Math.min(MAX_RUNS, Math.round(TIMED_MS / best)));
    best = Math.min(best, await timer.time(program, runs));
  }
  return best;
}
