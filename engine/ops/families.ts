/** The family of kernels that a context uses. */
import type { GpuContext } from "../gpu/context.ts";
import { cpuFamily } from "./cpu-family.ts";
import type { KernelFamily } from "./family.ts";
import { gpuFamily } from "./gpu-family.ts";

export function familyOn(context: GpuContext): KernelFamily {
  return context.family === "cpu" ? cpuFamily(context) : gpuFamily(context);
}
