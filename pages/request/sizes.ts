/** How large a result will be: sizes by name, and what they come to for one picture. */
import type { Size } from "../../engine/picture.ts";

/** Long sides, in pixels. */
const longSides = { small: 512, medium: 768, large: Number.POSITIVE_INFINITY } as const;

export type SizeName = keyof typeof longSides;
export const sizeNames = Object.keys(longSides) as SizeName[];

/** Pixels of the shortest side that the service and the engine take. */
export const MIN_SIDE = 32;

/**
 * The long side of the result: never more than the picture's own or `max`; more than asked for where a thin one would
 * be too thin.
 */
export function longSideOf({ width, height }: Size, name: SizeName, max: number): number {
  const long = Math.max(width, height);
  const least = Math.ceil((MIN_SIDE * long) / Math.min(width, height));
  return Math.max(least, Math.min(longSides[name], long, max));
}

export function resultSize(picture: Size, name: SizeName, max: number): Size {
  const scale = longSideOf(picture, name, max) / Math.max(picture.width, picture.height);
  return { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) };
}

/** Whether a smaller one gives the same: then there is nothing to choose. */
export function isSpare(picture: Size, name: SizeName, max: number): boolean {
  const smaller = sizeNames[sizeNames.indexOf(name) - 1];
  return smaller !== undefined && longSideOf(picture, smaller, max) === longSideOf(picture, name, max);
}

/** The named one, or the largest that is no spare. */
export function effectiveSize(picture: Size | undefined, name: SizeName, max: number): SizeName {
  if (!picture) return name;
  const upTo = sizeNames.slice(0, sizeNames.indexOf(name) + 1);
  return upTo.findLast((one) => !isSpare(picture, one, max)) ?? "small";
}

export function sizeText({ width, height }: Size): string {
  return `${width} × ${height}`;
}
