/** Transparency, which the network knows nothing of: it looks at colours, those that nobody sees included. */
import type { Picture } from "./picture.ts";

/** The picture as it looks on white; itself where it is opaque. */
export function onWhite(picture: Picture): Picture {
  const { width, height, data, opacity } = picture;
  if (!opacity) return picture;
  const pixels = width * height;
  const flat = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) flat[i] = 1 + opacity[i % pixels]! * (data[i]! - 1);
  return { width, height, data: flat };
}

/** The colours alone. */
export function withoutOpacity({ width, height, data }: Picture): Picture {
  return { width, height, data };
}

/** A picture's colours where nothing tells of any. */
const NEUTRAL = 0.5;

/**
 * The picture with colours spread from where they are seen to where they are not; itself where it is opaque.
 *
 * What a file holds in its transparent parts is whatever its maker left there, and next to an edge the network sees
 * both. Colours come from averages over ever larger blocks, interpolated: the nearer, the more they count. Grey where
 * nothing is seen.
 *
 * Source: pull-push as in Gortler et al., The Lumigraph (1996), section 3.4, with blocks of 2 x 2 and bilinear
 * interpolation.
 *
 * @param weights [height][width] how much a pixel's colours count; where that is 0 they are replaced. Its opacity when
 * not given.
 */
export function withSpreadColours(
  picture: Picture,
  weights: Float32Array | undefined = picture.opacity,
): Picture {
  if (!weights || weights.every((weight) => weight > 0)) return picture;
  const { width, height, data } = picture;
  const pixels = width * height;
  const levels = pyramidOf(weights.map(faint), width, height);
  const spread = new Float32Array(data.length);
  for (let c = 0; c < 3; c++) {
    spread.set(spreadPlane(data.subarray(c * pixels, (c + 1) * pixels), levels), c * pixels);
  }
  return { ...picture, data: spread };
}

/** No colours that count do so for less than this: a division by almost nothing is noise. */
const faint = (weight: number) => (weight > 0 ? Math.max(weight, 1 / 1024) : 0);

/** How much is known of each pixel, or block of pixels. */
interface Level {
  readonly width: number;
  readonly height: number;
  /** [height][width], 0: nothing */
  readonly weights: Float32Array;
}

/** From the picture to a single block, each level half the size of the one before. */
function pyramidOf(weights: Float32Array, width: number, height: number): readonly Level[] {
  const levels: Level[] = [{ width, height, weights }];
  for (let level = levels[0]!; level.width > 1 || level.height > 1; level = levels.at(-1)!) {
    levels.push({ ...halfOf(level), weights: summed(level.weights, level).map((sum) => Math.min(1, sum)) });
  }
  return levels;
}

const halfOf = ({ width, height }: Omit<Level, "weights">) => ({
  width: Math.ceil(width / 2),
  height: Math.ceil(height / 2),
});

/** Sums over blocks of 2 x 2, at the edges over what there is. */
function summed(values: Float32Array, { width, height }: Omit<Level, "weights">): Float32Array {
  const half = halfOf({ width, height });
  const sums = new Float32Array(half.width * half.height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) sums[(y >> 1) * half.width + (x >> 1)]! += values[y * width + x]!;
  }
  return sums;
}

function spreadPlane(plane: Float32Array, levels: readonly Level[]): Float32Array {
  const [level, ...coarser] = levels as [Level, ...Level[]];
  const { weights } = level;
  if (coarser.length === 0) return plane.map((value, i) => (weights[i]! > 0 ? value : NEUTRAL));
  if (weights.every((weight) => weight > 0)) return plane;
  const sums = summed(
    plane.map((value, i) => value * weights[i]!),
    level,
  );
  const counts = summed(weights, level);
  const means = sums.map((sum, i) => (counts[i]! > 0 ? sum / counts[i]! : 0));
  const behind = spreadPlane(means, coarser);
  return plane.map((value, i) => (weights[i]! > 0 ? value : enlarged(behind, coarser[0]!, i, level.width)));
}

/** The value of half a level at a pixel of the level, between the centres of blocks. */
function enlarged(half: Float32Array, { width, height }: Level, pixel: number, fullWidth: number): number {
  const axis = (at: number, size: number) => {
    const position = Math.min(Math.max((at + 0.5) / 2 - 0.5, 0), size - 1);
    const low = Math.floor(position);
    return { low, high: Math.min(low + 1, size - 1), part: position - low };
  };
  const x = axis(pixel % fullWidth, width);
  const y = axis(Math.floor(pixel / fullWidth), height);
  const row = (at: number) => half[at * width + x.low]! * (1 - x.part) + half[at * width + x.high]! * x.part;
  return row(y.low) * (1 - y.part) + row(y.high) * y.part;
}
