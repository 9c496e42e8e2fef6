/** The optimiser's state from one scale to the next. */
import type { Size } from "../pyramid.ts";
import { resample } from "../resample.ts";
import type { OptimizerCarry } from "./optimizer.ts";

/**
 * `carry` as it stands at another size.
 *
 * All losses are means over pixels, so that a pixel's gradient shrinks with their number n, its curvature likewise: the inverse Hessian
 * grows with n. Adam's moments are resampled like the picture (as crowsonkb/style-transfer-pytorch does) and scaled with 1/n and 1/n^2.
 */
export function carryTo(carry: OptimizerCarry, from: Size, to: Size): OptimizerCarry {
  const ratio = (to.width * to.height) / (from.width * from.height);
  if (carry.kind === "lbfgs") return { kind: "lbfgs", inverseHessian: carry.inverseHessian * ratio };
  const moment = (data: Float32Array, scale: number) =>
    resample({ ...from, data }, to.width, to.height).data.map((value) => value * scale);
  return {
    ...carry,
    first: moment(carry.first, 1 / ratio),
    second: moment(carry.second, 1 / ratio ** 2).map((value) => Math.max(0, value)), // cubic resampling undershoots
  };
}
