/**
 * What gradients on maps are multiplied by where maps are stored in f16.
 *
 * Losses are relative, so gradients shrink with the number of pixels and are proportional to users' weights: at 128x128
 * values of 2^-17 are common, and f16 is exact from 2^-14 (less down to 2^-24) to 2^16 only. Both are known before the
 * run, so one scale for a whole run will do.
 */
import type { ConvLayer } from "../network/layers.ts";
import type { Size } from "../picture.ts";

/** One content or style term; `norm`: sum of squares of its target. */
export interface ScaledTerm {
  readonly kind: "content" | "style";
  readonly layer: ConvLayer;
  readonly weight: number;
  readonly norm: number;
}

/**
 * What `estimate` of the largest term becomes.
 *
 * Measured on the generated and a random network, from 64 to 512 pixels, from content and from noise, with style
 * weights from 0.01 to 100: on every map, gradients had a root mean square of 1/8 to 30 times the estimate, and largest
 * values of 4 to 10 times the root mean square. So this leaves a factor of 200 above, for unlike pictures and other
 * networks. It leaves 2000 below, since gradients shrink as the root of the loss does. What is larger still is cut off
 * (shaders/lib/texel_f16.wgsl).
 */
const AIM = 1;

/** The scale, a power of two, for a picture of `size` and its terms. */
export function gradientScale(terms: readonly ScaledTerm[], size: Size): number {
  const scale = 2 ** Math.round(Math.log2(AIM / Math.max(...terms.map((term) => estimate(term, size)))));
  return Number.isFinite(scale) && scale > 0 ? scale : 1;
}

/**
 * Root mean square of a term's gradient on its layer's features when they are as far from the target as that is from
 * zero.
 *
 * Content: 2 weight |F - T| / |T|^2 over all values. Style: |E F| <= |E| |F| with |E| = 4 weight |G - A| / (pixels
 * |A|^2), and |F|^2 / pixels replaced by |A|, since few directions of features carry most of a Gram matrix.
 */
function estimate({ kind, layer, weight, norm }: ScaledTerm, { height, width }: Size): number {
  const { outChannels: channels, block } = layer;
  const pixels = (height >> block) * (width >> block);
  return kind === "content"
    ? (2 * weight) / Math.sqrt(channels * pixels * norm)
    : (4 * weight) / (pixels * Math.sqrt(channels * Math.sqrt(norm)));
}
