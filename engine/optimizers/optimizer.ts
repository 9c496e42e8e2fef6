/**
 * What an optimiser is to the rest: something that records, after the gradient, the update of the picture on the
 * device.
 *
 * Nothing is read back in the loop. The picture, its gradient and the state record are buffers shared with the loss;
 * the guard against exploding steps works through `state.restored` (see shaders/lib/state.wgsl).
 */
import type { Arena } from "../gpu/arena.ts";
import type { GpuContext } from "../gpu/context.ts";
import type { Timestamps } from "../gpu/program.ts";
import type { Submission } from "../gpu/submission.ts";
import type { Size } from "../picture.ts";
import { resamplePlanes, tent } from "../resample.ts";

/** The buffers that optimiser and loss share. */
export interface OptimizerBuffers {
  /** Values in the picture: 3 * height * width. Buffers are rounded up to 16 bytes; the excess is zero and stays so. */
  readonly count: number;
  /** f32 [count]: the iterate, updated in place. */
  readonly image: GPUBuffer;
  /** f32 [count]: gradient of the loss at `image`. */
  readonly gradient: GPUBuffer;
  /** f32 [count]: the last picture whose loss was good; the optimiser copies `image` here before it updates it. */
  readonly previous: GPUBuffer;
  /** struct State of shaders/lib/state.wgsl; written by loss_record.wgsl before the optimiser's turn. */
  readonly state: GPUBuffer;
}

/** An optimiser at one scale. */
export interface Optimizer {
  /** Waits until every kernel is compiled. */
  ready(): Promise<void>;
  /** Encodes the update behind the `step`-th evaluation (from 0) of the gradient; `timestamps` are of its passes. */
  encode(submission: Submission, step: number, timestamps?: Timestamps): void;
  /**
   * Reads what the next scale continues with: the state behind the last update, even if one more evaluation followed.
   */
  carry(): Promise<OptimizerCarry>;
}

/** State that goes from one scale to the next, on the host. */
export type OptimizerCarry =
  /** Adam: first and second moments, [3][height][width] each, how many steps made them; factor of the learning rate. */
  | {
      readonly kind: "adam";
      readonly first: Float32Array;
      readonly second: Float32Array;
      readonly steps: number;
      readonly rate: number;
    }
  /** L-BFGS: the scale of the inverse Hessian, y.s / y.y, of the last pair; 0 if there was none. */
  | { readonly kind: "lbfgs"; readonly inverseHessian: number };

/**
 * `carry` as it stands at another size.
 *
 * All losses are means over the n pixels. So a pixel's gradient and its curvature shrink with n, and the inverse
 * Hessian grows with it. Adam's moments are scaled with 1/n and 1/n^2.
 *
 * The first moment is resampled like the picture, the second linearly, as crowsonkb/style-transfer-pytorch does: a
 * cubic filter undershoots, and a second moment of zero makes a step without measure.
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

export type CreateOptimizer = (
  context: GpuContext,
  arena: Arena,
  buffers: OptimizerBuffers,
  carry?: OptimizerCarry,
) => Optimizer;
