/** Where a run stands, so that another can go on from there. */
import { StylizeError } from "./errors.ts";
import type { Iterate } from "./iterate.ts";
import type { Picture } from "./picture.ts";
import type { ScalePlan } from "./pyramid.ts";

/** The optimiser's history is no part of it: a resumed run gathers it anew, which costs a step or two. */
export interface Checkpoint {
  /** Index of the scale in the pyramid, from 0. */
  readonly scale: number;
  /** Steps done in that scale; all of them: the run goes on with the next scale. */
  readonly step: number;
  /** The best picture so far, at that scale's size. */
  readonly picture: Picture;
}

/**
 * The checkpoint behind a step: `onIterate`'s record with the picture it reads, or `last` and `picture` of a run that
 * was stopped.
 *
 * @example
 * ```ts
 * import { checkpointOf, type StylizeOptions, stylize } from "stylize";
 *
 * export async function inTwoSittings(options: StylizeOptions, milliseconds: number) {
 *   const { last, picture } = await stylize({ ...options, signal: AbortSignal.timeout(milliseconds) });
 *   return await stylize({ ...options, resume: last && checkpointOf(last, picture) });
 * }
 * ```
 */
export function checkpointOf({ scale, step }: Iterate, picture: Picture): Checkpoint {
  return { scale, step, picture };
}

/** A scale that has steps to do: its index in the pyramid, and how many of its steps were done before. */
export interface ScaleLeft {
  readonly scale: number;
  readonly done: number;
}

/** What `resume` leaves of a run over `scales`; all of it where there is none. */
export function scalesLeft(
  scales: readonly ScalePlan[],
  resume: Checkpoint | undefined,
): readonly ScaleLeft[] {
  const { scale: reached, step } = resume ?? { scale: 0, step: 0 };
  return scales.flatMap(({ steps }, scale) => {
    const done = scale === reached ? step : 0;
    return scale >= reached && done < steps ? [{ scale, done }] : [];
  });
}

/** Throws `bad-option` where a run over `scales` can't have left this checkpoint. */
export function checkCheckpoint(checkpoint: Checkpoint, scales: readonly ScalePlan[]): void {
  const { scale, step, picture } = checkpoint;
  const plan = scales[scale];
  if (!plan) throw bad(`in one of ${scales.length} scales`, `scale ${scale}`);
  if (!Number.isInteger(step) || step < 0 || step > plan.steps)
    throw bad(`after 0 to ${plan.steps} steps of scale ${scale}`, `step ${step}`);
  const { width, height, data } = picture;
  if (width !== plan.width || height !== plan.height || data.length !== 3 * width * height) {
    const wanted = `with a picture of 3 x ${plan.height} x ${plan.width} values at scale ${scale}`;
    throw bad(wanted, `${width}x${height} pixels of ${data.length} values`);
  }
}

function bad(expected: string, received: string): StylizeError {
  return new StylizeError("bad-option", `Expected a checkpoint ${expected} but received ${received}.`);
}
