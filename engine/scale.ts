/** One scale of the pyramid: the optimisation loop. */
import { StylizeError } from "./errors.ts";
import type { Arena } from "./gpu/arena.ts";
import type { GpuContext } from "./gpu/context.ts";
import { STOPWATCH_BYTES, Stopwatch } from "./gpu/stopwatch.ts";
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
  const stopwatch = new Stopwatch(context, run.arena);
  const pace = new Pace();
  const submitted: Submitted[] = [];
  let kept = performance.now();
  const finishOldest = async () => {
    const { step, staging } = submitted.shift()!;
    await pace.sleep();
    const { losses, deviceMs } = await readRecord(run, staging, step);
    if (step === 0 && losses.restored) throw diverged(losses);
    await run.onStep(step, losses, pace.stepDone(step, deviceMs));
    if (performance.now() - kept > SAFEKEEPING_MS) {
      run.keep(await readPicture(run));
      kept = performance.now();
    }
  };
  for (let step = 0; step < steps && !signal?.aborted; step++) {
    const staging = stagings[step % stagings.length]!;
    submitStep(run, stopwatch, step, staging);
    submitted.push({ step, staging });
    if (submitted.length > STEPS_AHEAD) await finishOldest();
  }
  while (submitted.length > 0) await finishOldest();
  return readPicture(run);
}

/** Host-readable copies of the ring and of the stopwatch, one for each step on its way. */
function stagingRing({ arena, objective }: ScaleRun): GPUBuffer[] {
  const make = () => arena.staging("loss records", objective.ring.size + STOPWATCH_BYTES);
  return Array.from({ length: STEPS_AHEAD + 1 }, make);
}

function submitStep(run: ScaleRun, stopwatch: Stopwatch, step: number, staging: GPUBuffer): void {
  const { context, objective, optimizer } = run;
  const { ring } = objective;
  const encoder = context.device.createCommandEncoder({ label: `step ${step}` });
  stopwatch.start(encoder);
  objective.program.encode(encoder);
  optimizer.encode(encoder, step);
  encoder.copyBufferToBuffer(ring, 0, staging, 0, ring.size);
  stopwatch.stop(encoder, staging, ring.size);
  context.device.queue.submit([encoder.finish()]);
}

async function readRecord({ context, objective }: ScaleRun, staging: GPUBuffer, step: number) {
  await context.until(staging.mapAsync(1 /* GPUMapMode.READ */));
  const bytes = staging.getMappedRange().slice(0);
  staging.unmap();
  const ring = new Float32Array(bytes, 0, objective.ring.size / 4);
  return {
    losses: parseRecord(ring, step, objective.terms.length),
    deviceMs: Stopwatch.read(bytes, objective.ring.size),
  };
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
 * Sleeps for most of a step.
 *
 * Dawn's binding spins the main thread while a promise is pending, which would take a core from a software adapter.
 */
class Pace {
  #last = performance.now();
  /** Milliseconds that the fastest step took on the device; unknown until the second, for the first may compile. */
  #fastest = 0;

  async sleep(): Promise<void> {
    const left = this.#last + 0.95 * this.#fastest - performance.now();
    if (left > 2) await new Promise((resolve) => setTimeout(resolve, left));
  }

  /** Call when a step's losses have arrived, with its time on the device (0: unknown); the milliseconds since the call before. */
  stepDone(step: number, deviceMs: number): number {
    const now = performance.now();
    const ms = now - this.#last;
    this.#last = now;
    if (step > 0) this.#fastest = this.#fastest > 0 ? Math.min(this.#fastest, deviceMs) : deviceMs;
    return ms;
  }
}
