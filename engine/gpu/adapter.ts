/** Which family of kernels an adapter gets, and how it is described to people. */

/** `gpu`: kernels for real GPUs. `cpu`: kernels shaped for Mesa's llvmpipe, the software Vulkan driver. */
export type KernelFamilyName = "gpu" | "cpu";

/**
 * @internal llvmpipe wants other kernels than a GPU: 30 to 50 times faster there, slower everywhere else, SwiftShader
 * included.
 */
export function familyOf(info: GPUAdapterInfo): KernelFamilyName {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  return text.includes("llvmpipe") ? "cpu" : "gpu";
}

/** @internal Whether a processor plays the GPU. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter === true || /llvmpipe|lavapipe|swiftshader|basic render/i.test(text);
}

/** @internal */
export function adapterName(info: GPUAdapterInfo): string {
  return (
    info.description ||
    info.device ||
    [info.vendor, info.architecture].filter(Boolean).join(" ") ||
    "unnamed adapter"
  );
}
