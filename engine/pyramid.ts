/** Sizes of the pyramid of scales. Pure arithmetic. */
import { StylizeError } from "./errors.ts";
import { optionTable, type Settings, USUAL_SIZE } from "./options.ts";
import type { Size } from "./picture.ts";

/** Pictures below this have no room for five poolings. */
export const MIN_SIDE = 32;

/** The size with the proportions of `shape` whose long side is `longSide`. */
export function fitSize(shape: Size, longSide: number): Size {
  const factor = longSide / Math.max(shape.width, shape.height);
  const scaled = (side: number) => Math.max(1, Math.round(side * factor));
  return { width: scaled(shape.width), height: scaled(shape.height) };
}

/** The least long side that makes the short one `MIN_SIDE` pixels. */
export const leastSize = ({ width, height }: Size): number =>
  Math.ceil((MIN_SIDE * Math.max(width, height)) / Math.min(width, height));

/** Settings with the long side that the result will have, in pixels. */
export type SizedSettings = Settings & { readonly size: number };

/**
 * Settings for `content`. When no size is given, it is `USUAL_SIZE`, or what a thin picture's short side asks for, but
 * not more than the content's own; `minSize` is not more than that.
 *
 * @throws StylizeError `bad-option` if the content's own size is asked for and is larger than results may be.
 */
export function sizedFor(content: Size, settings: Settings): SizedSettings {
  const size = resultSize(content, settings.size);
  return { ...settings, size, minSize: Math.min(settings.minSize, size) };
}

function resultSize(content: Size, size: Settings["size"]): number {
  if (typeof size === "number") return size;
  const own = Math.max(content.width, content.height);
  if (size === undefined) return Math.min(own, Math.max(USUAL_SIZE, leastSize(content)));
  const { max } = optionTable.size;
  if (own <= max) return own;
  const message =
    `Expected a content of at most ${max} pixels a side for the size 'content' ` +
    `but received ${content.width}x${content.height}.`;
  throw new StylizeError("bad-option", message);
}

/**
 * Sizes from about `minSize` to `size` (long sides, pixels), each sqrt(2) times the one before; those with a side below
 * 32 are left out.
 *
 * @throws StylizeError `bad-picture` if even the last is too small.
 */
export function pyramid(content: Size, size: number, minSize: number): readonly Size[] {
  const last = fitSize(content, size);
  if (Math.min(last.width, last.height) < MIN_SIDE) {
    throw new StylizeError(
      "bad-picture",
      `Expected a picture of at least ${MIN_SIDE} pixels a side but ${content.width}x${content.height} becomes ` +
        `${last.width}x${last.height} at size ${size}.`,
    );
  }
  const smaller = Math.max(0, Math.floor(2 * Math.log2(size / minSize) + 0.05)); // 362 / sqrt(2) counts as 256
  const sizes: Size[] = [];
  for (let k = smaller; k > 0; k--) sizes.push(fitSize(content, Math.round(size / 2 ** (k / 2))));
  return [...sizes.filter(({ width, height }) => Math.min(width, height) >= MIN_SIDE), last];
}

/**
 * Steps at each smaller scale unless told otherwise: one more scale is worth more than more of them
 * (docs/performance.md, "The whole job").
 */
export const usualScaleSteps = (steps: number) => Math.ceil(steps / 2);

/** A scale of a run: its picture's size in pixels, and its steps. */
export interface ScalePlan extends Size {
  readonly steps: number;
}

/** The scales of a run with these settings, the smallest first. Throws as `sizedFor` and `pyramid` do. */
export function planScales(content: Size, settings: Settings): readonly ScalePlan[] {
  const { size, minSize, steps, scaleSteps = usualScaleSteps(steps) } = sizedFor(content, settings);
  const sizes = pyramid(content, size, minSize);
  return sizes.map((scale, i) => ({ ...scale, steps: i === sizes.length - 1 ? steps : scaleSteps }));
}
