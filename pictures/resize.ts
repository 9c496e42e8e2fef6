/** Pictures brought to the size of a run. The arithmetic is the engine's. */
import { StylizeError } from "../engine/errors.ts";
import type { Picture } from "../engine/picture.ts";
import { fitSize, leastSize, MIN_SIDE } from "../engine/pyramid.ts";
import { resample } from "../engine/resample.ts";

/**
 * The picture with a long side of `n` pixels and its own proportions.
 *
 * @param name what errors call the picture.
 * @throws StylizeError `bad-option` where the short side would be under 32 pixels, with the least `n` that would do.
 *
 * @example
 * import { decodePicture, longSide } from "stylize/pictures";
 * const { picture } = await decodePicture("photo.jpg");
 * const content = longSide(picture, 512, "photo.jpg");
 */
export function longSide(picture: Picture, n: number, name = "picture"): Picture {
  const { width, height } = fitSize(picture, n);
  if (!(Math.min(width, height) >= MIN_SIDE)) {
    throw new StylizeError(
      "bad-option",
      `Expected a size of at least ${leastSize(picture)} pixels, which makes the short side of '${name}' ` +
        `(${picture.width}x${picture.height}) ${MIN_SIDE} pixels, but received ${n}.`,
    );
  }
  return resample(picture, width, height);
}

/**
 * The picture with a long side of at most `n` pixels; itself if it has that already or would get a side under 32
 * pixels.
 *
 * @example
 * import { atMost, decodePicture } from "stylize/pictures";
 * const { picture } = await decodePicture("painting.jpg");
 * const style = atMost(picture, 512);
 */
export function atMost(picture: Picture, n: number): Picture {
  const { width, height } = fitSize(picture, n);
  const isSmaller = Math.max(picture.width, picture.height) <= n;
  return isSmaller || Math.min(width, height) < MIN_SIDE ? picture : resample(picture, width, height);
}

/** Long side of a preview, in pixels. */
const PREVIEW_SIZE = 256;

/**
 * The picture as small as is enough to see how far a run is.
 *
 * @example
 * import { decodePicture, previewOf } from "stylize/pictures";
 * const preview = previewOf((await decodePicture("photo.jpg")).picture); // a long side of 256 pixels
 */
export function previewOf(picture: Picture): Picture {
  const { width, height } = fitSize(picture, Math.min(PREVIEW_SIZE, Math.max(picture.width, picture.height)));
  return resample(picture, width, height);
}
