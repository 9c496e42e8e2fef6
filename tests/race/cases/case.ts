/** Small computations that the race checker watches. */
import type { GpuContext } from "../../../engine/gpu/context.ts";
import type { Precision } from "../../../engine/gpu/precision.ts";
import { type ConvLayer, vggLayers } from "../../../engine/network/layers.ts";
import { OperationsTest } from "../../../engine/ops/testing/operations.ts";
import type { RaceContext, RaceOptions } from "../context.ts";

/** Computes something small, and expects of its values what the plain references have. */
export interface Case {
  readonly name: string;
  /** The files of shaders/ that it is about, each of which it dispatches. */
  readonly kernels: readonly string[];
  readonly options?: RaceOptions;
  /** Faults that are meant. */
  readonly allowed?: RegExp;
  run(context: RaceContext): Promise<void>;
}

export const precisions: readonly Precision[] = ["f32", "f16"];

/** For `expectClose`: an operation's error with inputs that are rounded to the precision. */
export const toleranceOf = (precision: Precision): number => (precision === "f16" ? 1e-3 : 1e-5);

/** What GPUs offer of workgroups beyond the least. */
export const gpuLimits = {
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupSizeX: 1024,
  maxComputeWorkgroupStorageSize: 49_152,
} as const;

/** Operations on maps of `height` x `width`, which have no memory behind buffers that nobody watches. */
export function operationsOn(
  context: GpuContext,
  height: number,
  width: number,
  precision: Precision,
  layers: readonly ConvLayer[],
): OperationsTest {
  return new OperationsTest(context, height, width, precision, layers, 0);
}

/** A network's first block: a layer of so many channels, and one of others behind it. */
export function twoLayers(first: number, second: number): readonly [ConvLayer, ConvLayer] {
  return vggLayers([[first, second]]) as [ConvLayer, ConvLayer];
}
