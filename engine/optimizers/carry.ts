/** The optimiser's state from one scale to the next. */
import type { Size } from "../picture.ts";
import { resamplePlanes, tent } from "../resample.ts";
import type { OptimizerCarry } from "./optimizer.ts";

/**
 * `carry` as it stands at another size.
 *
 * All losses are means over pixels, so that a pixel's gradient shrinks with their number n, its curvature likewise: the
 * inverse Hessian grows with n. Adam's moments are scaled with 1/n and 1/n^2. The first is resampled like the picture,
 * the second linearly, as crowsonkb/style-transfer-pytorch does: a cubic kernel undershoots, and a second moment of
 * zero makes a step without measure.
 */
export function carryTo(carry: OptimizerCarry, from: Size, to: Size): OptimizerCarry {
  const ratio = (to.width * to.height) / (from.width * from.height);
  if (carry.kind === "lbfgs") return { kind: "lbfgs", inverseHessian: carry.inverseHessian * ratio };
  return {
    ...carry,
    first: resamplePlanes(carry.first, 3, from, to).map((value) => value / ratio),
    second: resamplePlanes(carry.second, 3, from, to, tent).map((value) => value / ratio ** 2),
  };
}
