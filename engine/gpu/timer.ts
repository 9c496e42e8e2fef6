/** How long a program takes, run some times by itself: on the device's clock, or on the host's where that has none. */
import type { Arena } from "./arena.ts";
import type { GpuContext } from "./context.ts";
import type { Program } from "./program.ts";
import { STOPWATCH_BYTES, Stopwatch } from "./stopwatch.ts";
import { Submission } from "./submission.ts";

export class Timer {
  readonly #context: GpuContext;
  readonly #stopwatch: Stopwatch;
  readonly #staging: GPUBuffer;

  constructor(context: GpuContext, arena: Arena) {
    this.#context = context;
    this.#stopwatch = new Stopwatch(context, arena);
    this.#staging = arena.staging("timestamps", STOPWATCH_BYTES);
  }

  /** Milliseconds of one of `runs` runs of `program`, whose kernels are ready. */
  async time(program: Program, runs: number): Promise<number> {
    const { device } = this.#context;
    const submission = new Submission(device, "timing");
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
