/** How long a run still takes, from how long its steps took: a step's time is proportional to its pixels. */

import type { Iterate } from "./iterate.ts";
import type { ScalePlan } from "./pyramid.ts";

export class TimeLeft {
  readonly #scales: readonly ScalePlan[];
  #scale = -1;
  #milliseconds = 0;
  #steps = 0;

  constructor(scales: readonly ScalePlan[]) {
    this.#scales = scales;
  }

  /**
   * Seconds left after a step. Goes by the steps of its own scale; the first of them, which may compile shaders, only
   * while it is alone.
   */
  after({ scale, step, steps, width, height, ms }: Iterate): number {
    if (scale !== this.#scale || step === 2) {
      this.#scale = scale;
      this.#milliseconds = 0;
      this.#steps = 0;
    }
    this.#milliseconds += ms;
    this.#steps += 1;
    const perStep = this.#milliseconds / this.#steps;
    const later = this.#scales
      .slice(scale + 1)
      .reduce((sum, next) => sum + (next.steps * next.width * next.height) / (width * height), 0);
    return (perStep * (steps - step + later)) / 1000;
  }
}
