/** Steps timed on the device while the engine's own loop runs them, and where the time of an evaluation goes. */
import type { GpuContext } from "../engine/gpu/context.ts";
import type { Program, Timing } from "../engine/gpu/program.ts";
import type { Submission } from "../engine/gpu/submission.ts";
import type { Optimizer, OptimizerCarry } from "../engine/optimizers/optimizer.ts";
import { type Profile, type ProfileEntry, sum } from "./report.ts";

/** Milliseconds on the device. */
export interface StepTime {
  /** From the end of the step before: loss and gradient, and the copy of the loss records. */
  readonly objective: number;
  readonly optimizer: number;
}

/**
 * An optimiser that has the device note the time before and after each of its updates.
 *
 * Needs the feature `timestamp-query`; a query set holds 4096 times, so 2048 steps.
 */
export class TimedOptimizer implements Optimizer {
  readonly #context: GpuContext;
  readonly #inner: Optimizer;
  readonly #stepsBefore: number;
  readonly #queries: GPUQuerySet | undefined;
  #steps = 0;

  /** `stepsBefore`: updates that `inner` has made already; the loop counts from 0 again. */
  constructor(context: GpuContext, inner: Optimizer, stepsBefore: number, steps: number) {
    this.#context = context;
    this.#inner = inner;
    this.#stepsBefore = stepsBefore;
    if (context.device.features.has("timestamp-query")) {
      this.#queries = context.device.createQuerySet({ type: "timestamp", count: 2 * steps });
    }
  }

  ready(): Promise<void> {
    return this.#inner.ready();
  }

  /** Without the loop's own timestamps: a pass has one of each kind. */
  encode(submission: Submission, step: number): void {
    const querySet = this.#queries;
    const [begin, end] = [2 * step, 2 * step + 1];
    const timestamps = querySet && {
      begin: { querySet, beginningOfPassWriteIndex: begin },
      end: { querySet, endOfPassWriteIndex: end },
    };
    this.#inner.encode(submission, this.#stepsBefore + step, timestamps);
    this.#steps = step + 1;
  }

  carry(): Promise<OptimizerCarry> {
    return this.#inner.carry();
  }

  /** Of all steps but the first, which has none before it; empty where the adapter can't tell times. */
  async times(): Promise<StepTime[]> {
    if (!this.#queries) return [];
    const { device } = this.#context;
    const count = 2 * this.#steps;
    const resolved = device.createBuffer({ size: 8 * count, usage: 0x204 /* QUERY_RESOLVE | COPY_SRC */ });
    const encoder = device.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, count, resolved, 0);
    device.queue.submit([encoder.finish()]);
    const times = new BigUint64Array(await this.#context.read(resolved, 8 * count));
    resolved.destroy();
    const ms = (from: number, to: number) => Number(times[to]! - times[from]!) / 1e6;
    return Array.from({ length: this.#steps - 1 }, (_, i) => ({
      objective: ms(2 * i + 1, 2 * i + 2),
      optimizer: ms(2 * i + 2, 2 * i + 3),
    }));
  }
}

/** Profiles made, after one that tells how long they take; the fastest counts. */
const PROFILES = 3;

/**
 * By the engine's own profile, which gives each dispatch a pass of its own and so takes a little longer than a step.
 */
export async function profileOf(program: Program): Promise<Profile> {
  let best = summary(await program.profile());
  for (let i = 0; i < PROFILES; i++) {
    const next = summary(await program.profile(best.total));
    if (next.total < best.total) best = next;
  }
  return best;
}

/** Sums timings by kernel and by layer; the copies of a layer count as the layer's, and "idle" is what lies between. */
export function summary(timings: readonly Timing[]): Profile {
  return {
    total: sum(timings.map(({ ms }) => ms)),
    kernels: grouped(timings, ({ kernel }) => kernel),
    layers: grouped(timings, ({ tag }) => tag.replace(/ copy$/, "")),
  };
}

function grouped(timings: readonly Timing[], nameOf: (timing: Timing) => string): ProfileEntry[] {
  const entries = new Map<string, ProfileEntry>();
  for (const timing of timings) {
    const name = nameOf(timing);
    const { count, ms } = entries.get(name) ?? { count: 0, ms: 0 };
    entries.set(name, { name, count: count + 1, ms: ms + timing.ms });
  }
  return [...entries.values()].sort((a, b) => b.ms - a.ms);
}
