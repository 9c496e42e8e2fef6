/** One scale of the pyramid: the optimisation loop. */
import { StylizeError } from "./errors.ts";
import type { Arena } from "./gpu/arena.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Objective } from "./losses/objective.ts";
import { parseRecord, type RecordedLosses } from "./losses/record.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import type { Size } from "./pyramid.ts";
import type { Picture } from "./types.ts";

/** Steps submitted ahead of the one whose losses are awaited, so that the device never idles. */
const STEPS_AHEAD = 2;

/** Milliseconds between copies of the picture to the host, which survive the loss of the device. */
const SAFEKEEPING_MS = 15_000;

export interface ScaleRun {
  readonly context: GpuContext;
  readonly arena: Arena;
  readonly size: Size;
  readonly objective: Objective;
  readonly previous: GPUBuffer;
  readonly optimizer: Optimizer;
  readonly steps: number;
  readonly signal: AbortSignal | undefined;
  /** Called for each step in order, with the loss of the picture that the step began with. */
  readonly onStep: (step: number, losses: RecordedLosses, ms: number) => void | Promise<void>;
  /** Called now and then with a good picture. */
  readonly keep: (picture: Picture) => void;
}

interface Submitted {
  readonly step: number;
  /** The ring as it was after this step. */
  readonly staging: GPUBuffer;
}

/** Runs all steps, or until the signal; resolves with the last good picture. */
export async function runScale(run: ScaleRun): Promise<Picture> {
  const { context, objective, optimizer, steps, signal } = run;
  await Promise.all([objective.program.ready(), optimizer.ready()]);
  const stagings = stagingRing(run);
  const pace = new Pace();
  const submitted: Submitted[] = [];
  let kept = performance.now();
  const finishOldest = async () => {
    const { step, staging } = submitted.shift()!;
    const losses = await readLosses(context, pace, staging, step, objective.terms.length);
    if (step === 0 && losses.restored) throw diverged(losses);
    await run.onStep(step, losses, pace.stepDone(step));
    if (performance.now() - kept > SAFEKEEPING_MS) {
      run.keep(await readPicture(run));
      kept = performance.now();
    }
  };
  for (let step = 0; step < steps && !signal?.aborted; step++) {
    const staging = stagings[step % stagings.length]!;
    submitStep(run, step, staging);
    submitted.push({ step, staging });
    if (submitted.length > STEPS_AHEAD) await finishOldest();
  }
  while (submitted.length > 0) await finishOldest();
  return readPicture(run);
}

function stagingRing({ arena, objective }: ScaleRun): GPUBuffer[] {
  const make = () => arena.staging("loss records", objective.ring.size);
  return Array.from({ length: STEPS_AHEAD + 1 }, make);
}

function submitStep({ context, objective, optimizer }: ScaleRun, step: number, staging: GPUBuffer): void {
  const encoder = context.device.createCommandEncoder({ label: `step ${step}` });
  objective.program.encode(encoder);
  optimizer.encode(encoder, step);
  encoder.copyBufferToBuffer(objective.ring, 0, staging, 0, staging.size);
  context.device.queue.submit([encoder.finish()]);
}

async function readLosses(
  context: GpuContext,
  pace: Pace,
  staging: GPUBuffer,
  step: number,
  terms: number,
): Promise<RecordedLosses> {
  await pace.sleep();
  await context.until(staging.mapAsync(1 /* GPUMapMode.READ */));
  const ring = new Float32Array(staging.getMappedRange().slice(0));
  staging.unmap();
  return parseRecord(ring, step, terms);
}

/** Reads the present picture; where the last update made it unusable, the one before. */
export async function readPicture({ context, size, objective, previous }: ScaleRun): Promise<Picture> {
  const count = 3 * size.width * size.height;
  const data = await context.readFloats(objective.image, count);
  if (isUsable(data)) return { ...size, data };
  return { ...size, data: await context.readFloats(previous, count) };
}

/** Colours far outside [0,1] come from an update that exploded and was not evaluated yet. */
function isUsable(data: Float32Array): boolean {
  return data.every((value) => Math.abs(value) < 100);
}

function diverged({ terms, total }: RecordedLosses): StylizeError {
  return new StylizeError(
    "diverged",
    `Expected a finite loss at the first step but received ${total} (terms ${terms.join(", ")}).`,
  );
}

/**
 * How long steps take, and sleep for most of that.
 *
 * Dawn's binding spins the main thread while a promise is pending, which would take a core from a software adapter.
 */
class Pace {
  #last = performance.now();
  /** Milliseconds a step takes; unknown until the second, for the first also compiles. */
  #estimate: number | undefined;
  #woke = 0;

  async sleep(): Promise<void> {
    const left = this.#last + 0.9 * (this.#estimate ?? 0) - performance.now();
    if (left > 2) await new Promise((resolve) => setTimeout(resolve, left));
    this.#woke = performance.now();
  }

  /** Call when a step's losses have arrived; the milliseconds since the call before. */
  stepDone(step: number): number {
    const now = performance.now();
    const ms = now - this.#last;
    const overslept = now - this.#woke < 2;
    if (step > 0) this.#estimate = overslept ? ms / 2 : ms;
    this.#last = now;
    return ms;
  }
}
