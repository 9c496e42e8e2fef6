/**
 * The engine in a browser: its adapter, and a device on it. The only file of the engine that knows browsers; node.ts is
 * its counterpart.
 *
 * Shaders come from whoever bundles them. Half precision is asked for where there is any; timestamps are not, which
 * serve only where waiting spins.
 */
import { StylizeError } from "./errors.ts";
import { adapterName, isSoftware } from "./gpu/adapter.ts";
import { GpuContext, type ShaderSource } from "./gpu/context.ts";
import type { Known } from "./gpu/webgpu.ts";
import { vgg19 } from "./network/layers.ts";
import type { Network } from "./network/types.ts";
import { largestMapBytes } from "./ops/gpu/layout.ts";

/** What the kernels of the gpu family take; every adapter that keeps to WebGPU's defaults has it. */
const neededLimits = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16_384,
  maxStorageBuffersPerShaderStage: 8,
} as const;

/** What WGSL must have beyond its first version: L-BFGS reads its history from storage textures. */
const neededLanguage = "readonly_and_readwrite_storage_textures";

/** Limits that decide how large a picture may be; requested at what the adapter offers. */
const memoryLimits = ["maxStorageBufferBindingSize", "maxBufferSize"] as const;

/**
 * Long sides, in pixels. A browser does not tell how much memory a GPU has: with maps in f32 a square of 1024 takes
 * some 1.6 GB with VGG19 and 1 GB with half its channels, 0.4 GB of it L-BFGS's history.
 */
const MAX_SIZE = 1024;
const MAX_SIZE_SOFTWARE = 256;
/** An adapter that can't hold a picture of this size is not offered. */
const MIN_SIZE = 128;

export interface BrowserAdapter {
  readonly adapter: Known<"GPUAdapter">;
  readonly name: string;
  /** Whether a processor plays the GPU: some hundred times slower. */
  readonly isSoftware: boolean;
  /** Pixels of the long side of the largest square picture that it should be given with this network. */
  maxSize(network: NetworkShape): number;
}

/** What a network's layers alone tell of it. */
export type NetworkShape = Pick<Network, "layers">;

/**
 * The browser's adapter; undefined where WebGPU is missing or too old, or where the adapter is missing or too small.
 *
 * @example
 * ```ts
 * import { findAdapter } from "stylize/browser";
 *
 * const found = await findAdapter();
 * console.log(found ? `paints on ${found.name}` : "can't paint here");
 * ```
 */
export async function findAdapter(): Promise<BrowserAdapter | undefined> {
  const { navigator } = globalThis as { navigator?: { gpu?: GPU } };
  if (!navigator?.gpu?.wgslLanguageFeatures?.has(neededLanguage)) return undefined;
  const asked = navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const adapter = await asked.catch(() => null);
  if (!adapter) return undefined;
  const { info, limits } = adapter;
  const max = isSoftware(info) ? MAX_SIZE_SOFTWARE : MAX_SIZE;
  const maxSize = (network: NetworkShape) => largestSize(limits, network, max);
  if (!isEnough(limits) || maxSize({ layers: vgg19 }) < MIN_SIZE) return undefined;
  return { adapter, name: adapterName(info), isSoftware: isSoftware(info), maxSize };
}

/** @internal Whether the kernels' workgroups fit. */
export function isEnough(limits: GPUSupportedLimits): boolean {
  return Object.entries(neededLimits).every(
    ([name, needed]) => limits[name as keyof typeof neededLimits] >= needed,
  );
}

/** @internal Long side of the largest square picture of which each map fits a buffer, in pixels; `max` at most. */
export function largestSize(limits: GPUSupportedLimits, { layers }: NetworkShape, max: number): number {
  const bytesAtMax = largestMapBytes(layers, { height: max, width: max }, "f32");
  const bytes = Math.min(...memoryLimits.map((name) => limits[name]));
  return Math.min(max, Math.floor(max * Math.sqrt(bytes / bytesAtMax)));
}

/**
 * Opens a device on `adapter`, which then is spent.
 *
 * @throws StylizeError `no-adapter` where the browser refuses the device.
 *
 * @example
 * ```ts
 * import { findAdapter, openContext } from "stylize/browser";
 * import { readShader } from "stylize/shaders";
 *
 * const found = await findAdapter();
 * if (found) {
 *   using context = await openContext(found.adapter, readShader);
 *   console.log(context.adapterName);
 * }
 * ```
 */
export async function openContext(adapter: Known<"GPUAdapter">, shaders: ShaderSource): Promise<GpuContext> {
  const requiredLimits = Object.fromEntries(memoryLimits.map((name) => [name, adapter.limits[name]]));
  const requiredFeatures = (["shader-f16"] as const).filter((feature) => adapter.features.has(feature));
  try {
    return new GpuContext(
      await adapter.requestDevice({ requiredFeatures, requiredLimits }),
      adapter.info,
      shaders,
    );
  } catch (cause) {
    const message = `Expected a device of ${adapterName(adapter.info)} but: ${(cause as Error).message}.`;
    throw new StylizeError("no-adapter", message, { cause });
  }
}
