/** What a run would allocate. */
import { planJob, type StylizeOptions } from "./job.ts";
import { rehearse, type ScaleMemory } from "./rehearsal.ts";

export type { ScaleMemory } from "./rehearsal.ts";

export interface RunMemory {
  /** Those that have steps to do. */
  readonly scales: readonly ScaleMemory[];
  /** The most at a time in the whole run, which may be while the network is loaded. */
  readonly peakBytes: number;
}

/**
 * Counts what `stylize` with these options would allocate, to the byte, in a second or so. Nothing is allocated,
 * computed or called.
 *
 * @throws StylizeError that `stylize` would throw before its first step, at any scale.
 */
export async function dryRun(options: StylizeOptions): Promise<RunMemory> {
  const scales: ScaleMemory[] = [];
  let most = 0;
  for await (const { scale, peakBytes } of rehearse(planJob(options))) {
    if (scale) scales.push(scale);
    most = Math.max(most, peakBytes);
  }
  return { scales, peakBytes: most };
}
