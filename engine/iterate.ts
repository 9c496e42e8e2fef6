/** What a run tells of each step. */
import type { ReluName } from "./network/layers.ts";

/**
 * What one optimisation step found. `loss` is that of the picture the step began with, as torch.optim's closures report
 * it.
 */
export interface Iterate {
  /** Index of the scale in the pyramid, from 0, and the size of the picture there, in pixels. */
  readonly scale: number;
  readonly scales: number;
  readonly width: number;
  readonly height: number;
  /** 1-based step in this scale, and how many this scale has. */
  readonly step: number;
  readonly steps: number;
  /** Steps done and to do in the whole run, all scales. */
  readonly totalStep: number;
  readonly totalSteps: number;
  /** Weighted terms: loss = content + sum of style + tv. */
  readonly loss: number;
  readonly content: number;
  readonly style: Readonly<Partial<Record<ReluName, number>>>;
  readonly tv: number;
  /** Wall-clock milliseconds since the step before. */
  readonly ms: number;
  /** Device memory held by the engine now, in bytes. */
  readonly gpuBytes: number;
  /**
   * Whether the guard threw this step away: the loss was not finite or had exploded, so the last good picture was
   * restored.
   */
  readonly restored: boolean;
}
