/** Axes. */

export interface Axis {
  /** Where a value lies, in pixels. */
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/**
 * A logarithmic axis over `values`, from a tick to a tick; ticks at 1, 2 and 5 of each decade, or at 1 if they would be
 * many.
 */
export function logAxis(values: readonly number[], from: number, to: number): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const decades = Math.log10(most / least);
  const steps = decades > 2.5 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
  const all: number[] = [];
  for (let decade = Math.floor(Math.log10(least)) - 1; decade <= Math.ceil(Math.log10(most)) + 1; decade++) {
    all.push(...steps.map((step) => Number(`${step}e${decade}`)));
  }
  const first = all.findLast((tick) => tick <= least)!;
  const last = all.find((tick) => tick >= most && tick > first)!;
  const at = (value: number) => from + ((to - from) * Math.log(value / first)) / Math.log(last / first);
  return { at, ticks: all.filter((tick) => tick >= first && tick <= last) };
}

/** A linear axis from 0 to a round number at or above `most`, with some five ticks. */
export function linearAxis(most: number, from: number, to: number): Axis {
  const unit = 10 ** Math.floor(Math.log10(most / 5));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => most / size <= 6)!;
  const count = Math.ceil(most / step);
  const at = (value: number) => from + ((to - from) * value) / (count * step);
  return { at, ticks: Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6))) };
}
