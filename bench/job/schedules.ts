/** How many scales a run has and how many steps each of the smaller ones. Pure arithmetic. */
import { optionTable } from "../../engine/options.ts";
import type { Size } from "../../engine/picture.ts";
import { MIN_SIDE, pyramid, usualScaleSteps } from "../../engine/pyramid.ts";

export interface Schedule {
  /** Long side of the first scale, pixels; each further one is sqrt(2) larger. The full size: one scale. */
  readonly minSize: number;
  /** Steps at each scale but the last, which goes on until the loss is reached. */
  readonly scaleSteps: number;
}

/** Steps that are tried at the smaller scales. */
const STEPS = [15, 30, 60];

/** Scales below the full size that are tried. */
const DEPTHS = [1, 2, 3, 4];

/** The engine's own schedule at `size`. */
export function defaultSchedule(size: number): Schedule {
  const { minSize, steps } = optionTable;
  return { minSize: Math.min(minSize.default, size), scaleSteps: usualScaleSteps(steps.default) };
}

/** One scale, then every number of smaller scales that fits with every number of steps, at most `maxSteps`. */
export function scheduleGrid(size: number, maxSteps: number): readonly Schedule[] {
  const depths = DEPTHS.map((depth) => Math.ceil(size / 2 ** (depth / 2)));
  const steps = [...new Set(STEPS.map((count) => Math.min(count, maxSteps)))];
  const smaller = depths.filter((minSize) => minSize >= MIN_SIDE);
  const grid = smaller.flatMap((minSize) => steps.map((scaleSteps) => ({ minSize, scaleSteps })));
  return [{ minSize: size, scaleSteps: 1 }, ...grid];
}

export function isDefault({ minSize, scaleSteps }: Schedule, size: number): boolean {
  const usual = defaultSchedule(size);
  return minSize === usual.minSize && scaleSteps === usual.scaleSteps;
}

/**
 * All that are to be run: the default first, then the others that make other scales or steps of `content` than one
 * before.
 */
export function distinctSchedules(
  content: Size,
  size: number,
  others: readonly Schedule[],
): readonly Schedule[] {
  const seen = new Set<string>();
  return [defaultSchedule(size), ...others].filter((schedule) => {
    const scales = pyramid(content, size, Math.min(schedule.minSize, size)).length;
    const key = scales === 1 ? "1" : `${scales} ${schedule.scaleSteps}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** "181:60,256:30" -> schedules. Undefined where the text is none. */
export function parseSchedules(text: string): readonly Schedule[] | undefined {
  const parts = text.split(",").map((part) => /^(\d+):(\d+)$/.exec(part.trim()));
  if (!parts.every((part) => part !== null)) return undefined;
  const schedules = parts.map(([, minSize, steps]) => ({
    minSize: Number(minSize),
    scaleSteps: Number(steps),
  }));
  return schedules.every(({ minSize, scaleSteps }) => minSize >= MIN_SIDE && scaleSteps >= 1)
    ? schedules
    : undefined;
}
