/** Of a set of timings: the least, their mean and the middle one. */
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly median: number;
}

/** Undefined for no values. The median of an even count is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { min: sorted[0]!, mean, median };
}
