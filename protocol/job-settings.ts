/** From what a client chose to what the engine is told: shared by workers and by pages that paint by themselves. */
import { StylizeError } from "../engine/errors.ts";
import type { Network } from "../engine/network/types.ts";
import { parseSettings, type Settings } from "../engine/options.ts";
import type { Size } from "../engine/picture.ts";
import { leastSize, MIN_SIDE } from "../engine/pyramid.ts";
import type { JobOptions, Strength } from "./protocol.ts";

/** Times the network's own content weight. */
const contentFactors: Readonly<Record<Strength, number>> = { gentle: 4, balanced: 1, bold: 0.25 };

/**
 * The long side of the result, in pixels: what was asked for, or the content's own, never larger than that nor than
 * `max`. A thin picture gets more than was asked for where its short side would be too short for the network.
 *
 * @throws StylizeError `bad-picture` where that is more than `max`.
 */
export function sizeOf({ width, height }: Size, wanted: number | undefined, max: number): number {
  const long = Math.max(width, height);
  const size = Math.max(leastSize({ width, height }), Math.min(wanted ?? long, long, max));
  if (size <= max) return size;
  const message =
    `Expected a picture whose short side is ${MIN_SIDE} pixels at a long side of ${max} ` +
    `but received ${width}x${height}.`;
  throw new StylizeError("bad-picture", message);
}

export function settingsOf(
  { steps, strength = "balanced" }: JobOptions,
  size: number,
  defaultSteps: number,
  { defaults }: Network,
): Settings {
  const contentWeight = defaults.contentWeight * contentFactors[strength];
  return parseSettings({ size, steps: steps ?? defaultSteps, contentWeight });
}
