/** Total variation, the loss that smooths: squared differences between neighbouring pixels. */
import type { GpuContext } from "../gpu/context.ts";
import type { Program } from "../gpu/program.ts";
import { LOSS_PARTIALS, type LossSink } from "../ops/index.ts";

export interface TotalVariation extends LossSink {
  /** [3][height][width] f32 */
  readonly image: GPUBuffer;
  /** [3][height][width] f32, to which the term's gradient is added. */
  readonly gradient: GPUBuffer;
  /** In pixels, each 2 or more. */
  readonly height: number;
  readonly width: number;
  readonly weight: number;
}

/**
 * Records `weight * (mean of squared differences of horizontal neighbours + the same of vertical neighbours)`, means
 * over all pairs and the three channels, and its gradient.
 */
export function recordTotalVariation(
  context: GpuContext,
  program: Program,
  { image, gradient, partials, term, height, width, weight }: TotalVariation,
): void {
  const scaleX = weight / (3 * height * (width - 1));
  const scaleY = weight / (3 * (height - 1) * width);
  program.dispatch(
    context.kernel("image_tv", { libs: ["reduce"] }),
    { image, gradient, partials },
    { height, width, term, scale_x: scaleX, scale_y: scaleY },
    [LOSS_PARTIALS, 1, 1],
  );
}
