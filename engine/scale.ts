/** One scale of the pyramid: the optimisation loop. */
import { StylizeError } from "./errors.ts";
import type { Arena } from "./gpu/arena.ts";
import type { GpuContext } from "./gpu/context.ts";
import { STOPWATCH_BYTES, Stopwatch } from "./gpu/stopwatch.ts";
import { MOST_MS, Submission, USUAL_OPERATIONS } from "./gpu/submission.ts";
import type { Objective } from "./losses/objective.ts";
import { parseRecord, type RecordedLosses } from "./losses/record.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import type { Picture, Size } from "./picture.ts";

/**
 * Steps submitted ahead of the one whose losses are awaited, so that the device never idles.
 *
 * The first step is awaited alone. Behind it Dawn deletes what first uses took, and lavapipe makes it wait for that
 * until no step is under way: with others submitted, the losses of the first would come with the next one's.
 */
const STEPS_AHEAD = 2;

/** Milliseconds between copies of the picture to the host, which survive the loss of the device. */
const SAFEKEEPING_MS = 15_000;

export interface ScaleRun {
  readonly context: GpuContext;
  readonly arena: Arena;
  readonly size: Size;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly steps: number;
  readonly signal: AbortSignal | undefined;
  /**
   * Called for each step in order, with the loss of the picture that the step began with; `picture` reads the best so
   * far.
   */
  readonly onStep: (
    step: number,
    losses: RecordedLosses,
    ms: number,
    picture: () => Promise<Picture>,
  ) => void | Promise<void>;
  /** Called now and then with the best picture so far. */
  readonly keep: (picture: Picture) => void;
  readonly pause?: Pause | undefined;
}

/** An interruption of a scale, with no work under way, after which its objective may be another. */
export interface Pause {
  /** Steps done by then: 2 or more. */
  readonly after: number;
  /** `ms`: how long each of these steps but the first took, which may have compiled. */
  readonly act: (ms: number) => Promise<void>;
}

/** Runs all steps, or until the signal; resolves with the best picture. */
export async function runScale(run: ScaleRun): Promise<Picture> {
  const { context, objective, optimizer, steps, signal, pause } = run;
  await Promise.all([objective.program.ready(), optimizer.ready()]);
  const stopwatch = new Stopwatch(context, run.arena);
  const records = stagingRing(run);
  const safekeeping = new Safekeeping(run);
  const pace = new Pace(context.waitingSpins && context.isSoftware);
  const finish = async (step: number) => {
    await pace.sleep();
    const bytes = await context.readStaging(records[step % records.length]!);
    const { ring, terms } = objective;
    const losses = parseRecord(new Float32Array(bytes, 0, ring.size / 4), step, terms.length);
    if (step === 0 && losses.restored) throw diverged(losses);
    const ms = pace.stepDone(step, (hostMs) => Stopwatch.milliseconds(bytes, ring.size, hostMs));
    await run.onStep(step, losses, ms, () => safekeeping.read());
    await safekeeping.finish(step);
  };
  let submitted = 0;
  let finished = 0;
  const finishAll = async () => {
    while (finished < submitted) await finish(finished++);
  };
  while (submitted < steps && !signal?.aborted) {
    if (submitted === pause?.after) {
      await finishAll();
      await pause.act(pace.meanMs);
      await objective.program.ready();
      pace.resume();
    }
    const most = pace.operationsIn(MOST_MS, objective.program.operations);
    const submission = new Submission(context.device, `step ${submitted}`, most);
    submitStep(run, submission, { stopwatch, safekeeping }, submitted, records[submitted % records.length]!);
    submitted++;
    if (submitted === 1 || submitted - finished > STEPS_AHEAD) await finish(finished++);
  }
  if (submitted > 0) objective.program.submit(); // the last update counts, and is resumed from, only once evaluated
  await finishAll();
  return safekeeping.read();
}

/** Host-readable copies of the ring and of the stopwatch, one for each step on its way. */
function stagingRing({ arena, objective }: ScaleRun): GPUBuffer[] {
  const make = () => arena.staging("loss records", objective.ring.size + STOPWATCH_BYTES);
  return Array.from({ length: STEPS_AHEAD + 1 }, make);
}

function submitStep(
  { objective, optimizer }: ScaleRun,
  submission: Submission,
  { stopwatch, safekeeping }: { readonly stopwatch: Stopwatch; readonly safekeeping: Safekeeping },
  step: number,
  staging: GPUBuffer,
): void {
  const { ring } = objective;
  objective.program.encode(submission, { begin: stopwatch.begin });
  optimizer.encode(submission, step, { end: stopwatch.end });
  const { encoder } = submission;
  safekeeping.encode(encoder, step);
  encoder.copyBufferToBuffer(ring, 0, staging, 0, ring.size);
  stopwatch.read(encoder, staging, ring.size);
  submission.submit();
}

/**
 * Copies the best picture to the host: when asked, and now and then without waiting for the steps behind it.
 *
 * All copies go through one buffer. Each use waits for the one before, and no step copies into a buffer in use.
 */
class Safekeeping {
  readonly #run: ScaleRun;
  readonly #staging: GPUBuffer;
  #last = performance.now();
  /** The step whose picture is on its way. */
  #step: number | undefined;
  /** Settles when the buffer is free; how many wait for that or map it. */
  #free: Promise<unknown> = Promise.resolve();
  #users = 0;

  constructor(run: ScaleRun) {
    this.#run = run;
    this.#staging = run.arena.staging("kept picture", 4 * 3 * run.size.width * run.size.height);
  }

  encode(encoder: GPUCommandEncoder, step: number): void {
    const isBusy = this.#step !== undefined || this.#users > 0;
    if (isBusy || performance.now() - this.#last < SAFEKEEPING_MS) return;
    this.#copy(encoder);
    this.#step = step;
  }

  /** Call when `step` is done. */
  async finish(step: number): Promise<void> {
    if (step !== this.#step) return;
    this.#run.keep(await this.#inTurn(() => this.#map()));
    this.#step = undefined;
    this.#last = performance.now();
  }

  /** Reads the best picture so far. */
  read(): Promise<Picture> {
    const { device } = this.#run.context;
    return this.#inTurn(() => {
      const encoder = device.createCommandEncoder({ label: "best picture" });
      this.#copy(encoder);
      device.queue.submit([encoder.finish()]);
      return this.#map();
    });
  }

  #copy(encoder: GPUCommandEncoder): void {
    encoder.copyBufferToBuffer(this.#run.objective.best, 0, this.#staging, 0, this.#staging.size);
  }

  async #map(): Promise<Picture> {
    const { context, size } = this.#run;
    return { ...size, data: new Float32Array(await context.readStaging(this.#staging)) };
  }

  async #inTurn<T>(use: () => Promise<T>): Promise<T> {
    this.#users++;
    const result = this.#free.then(use);
    this.#free = result.catch(() => {});
    try {
      return await result;
    } finally {
      this.#users--;
    }
  }
}

function diverged({ terms, total }: RecordedLosses): StylizeError {
  return new StylizeError(
    "diverged",
    `Expected a finite loss at the first step but received ${total} (terms ${terms.join(", ")}).`,
  );
}

/** Times steps, and sleeps for most of each where waiting for it would take a core from a software adapter. */
class Pace {
  readonly #sleeps: boolean;
  #last = performance.now();
  /** Milliseconds that the fastest step took on the device; unknown until the second, for the first may compile. */
  #fastest: number | undefined;
  /** Steps behind the first, and the milliseconds between their records on the host. */
  #steps = 0;
  #sum = 0;

  constructor(sleeps: boolean) {
    this.#sleeps = sleeps;
  }

  async sleep(): Promise<void> {
    if (!this.#sleeps || this.#fastest === undefined) return;
    const left = this.#last + 0.95 * this.#fastest - performance.now();
    if (left > 2) await new Promise((resolve) => setTimeout(resolve, left));
  }

  /**
   * Call when a step's losses have arrived; `deviceMs` tells its time on the device, given that between the records of
   * this step and the last. Returns the milliseconds since the last call.
   */
  stepDone(step: number, deviceMs: (hostMs: number) => number | undefined): number {
    const now = performance.now();
    const ms = now - this.#last;
    this.#last = now;
    if (step === 0) return ms;
    this.#fastest = Math.min(this.#fastest ?? Infinity, deviceMs(ms) ?? ms);
    this.#steps++;
    this.#sum += ms;
    return ms;
  }

  /** How long a step takes, by those behind the first. */
  get meanMs(): number {
    return this.#sum / this.#steps;
  }

  /** Operations that the device does in so many milliseconds, where a step has so many. */
  operationsIn(ms: number, ofStep: number): number {
    if (this.#fastest === undefined) return USUAL_OPERATIONS;
    return Math.max(USUAL_OPERATIONS, (ofStep / this.#fastest) * ms);
  }

  /** Call behind a pause, which is no part of a step, and after which steps may take another time. */
  resume(): void {
    this.#last = performance.now();
    this.#fastest = undefined;
  }
}
