/** Something done now and then in the background of a job, which it must neither delay nor fail. */

export interface OccasionalOptions {
  /** From the start of one task to that of the next, in milliseconds; a task still under way puts off the next. */
  readonly everyMs: number;
  /** Whether the first waits as long, too. */
  readonly waitsFirst?: boolean;
  /** Milliseconds since some time. */
  readonly clock: () => number;
  readonly onError: (error: unknown) => void;
}

/**
 * Of all time, what the preparation of tasks may take from the job: where it takes longer, the interval is as much
 * longer.
 */
const MAX_SHARE = 0.1;

export class Occasional {
  readonly #options: OccasionalOptions;
  #next: number;
  #running: Promise<void> | undefined;

  constructor(options: OccasionalOptions) {
    this.#options = options;
    this.#next = options.waitsFirst ? options.clock() + options.everyMs : Number.NEGATIVE_INFINITY;
  }

  /** Whether a task may start: the one before has ended, and its time has come. */
  get isDue(): boolean {
    return this.#running === undefined && this.#options.clock() >= this.#next;
  }

  /** Starts `task`, whose preparation has held up the job from `since` on. Call it when `isDue` only. */
  start(task: () => Promise<void>, since = this.#options.clock()): void {
    const { everyMs, clock, onError } = this.#options;
    this.#next = since + Math.max(everyMs, (clock() - since) / MAX_SHARE);
    this.#running = task()
      .catch(onError)
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves once nothing is under way, after `ms` milliseconds at the latest. */
  async settled(ms: number): Promise<void> {
    if (this.#running === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#running, timeout]);
    clearTimeout(timer);
  }
}
