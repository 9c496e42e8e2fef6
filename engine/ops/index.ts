/** Kernels by what they do, whichever family has them: the face of this folder. */
import type { GpuContext } from "../gpu/context.ts";
import type { Precision } from "../gpu/precision.ts";
import { cpuFamily } from "./cpu/family.ts";
import type { KernelFamily } from "./family.ts";
import { gpuFamily } from "./gpu/family.ts";

export * from "./family.ts";

/** The family of kernels that a context uses. `precision`: one that `precisionOn` gave for this context. */
export function familyOn(context: GpuContext, precision: Precision = "f32"): KernelFamily {
  return context.family === "cpu" ? cpuFamily(context) : gpuFamily(context, precision);
}
