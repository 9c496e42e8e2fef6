/**
 * The engine in Node.js: finds adapters through Dawn (npm `webgpu`), opens a device, reads shaders from disk.
 *
 * The only file of the engine that knows Node; browser.ts is its counterpart.
 */
import { readFileSync } from "node:fs";
import { availableParallelism, constants, getPriority, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { create } from "webgpu";
import { StylizeError } from "./errors.ts";
import { adapterName, familyOf, isSoftware, type KernelFamilyName } from "./gpu/adapter.ts";
import { GpuContext, type Resting, type ShaderSource } from "./gpu/context.ts";
import { matrixFeature } from "./gpu/matrix-units.ts";

export interface OpenOptions {
  /** Part of an adapter's name, any case: "llvmpipe", "nvidia". The default is the adapter WebGPU prefers. */
  readonly adapter?: string;
  /** Which Dawn backend to ask, e.g. "vulkan"; `null` has no GPU and only validates shaders. */
  readonly backend?: string;
  /** Overrides the family of kernels that the adapter would get; for tests and measurements. */
  readonly family?: KernelFamilyName;
  /**
   * For programs that do nothing else: lowers the calling thread's priority, for good, where a processor plays the GPU, and lets it sleep
   * for a millisecond in each turn of the event loop while it waits. Waiting keeps that thread busy, which took up to half of the time
   * from the adapter's own threads on two cores.
   */
  readonly giveWay?: boolean;
  /** Takes what only who looks for a fault wants to know. */
  readonly debug?: ((sentence: string) => void) | undefined;
}

/** Features that make the engine faster or measurable; requested where the adapter has them. */
const wantedFeatures = [
  "timestamp-query",
  "shader-f16",
  "subgroups",
  matrixFeature,
] as readonly GPUFeatureName[];

/** Limits that are requested at what the adapter offers. */
const wantedLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxTextureDimension2D",
  "maxTextureArrayLayers",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxStorageBuffersPerShaderStage",
] as const;

/** Devices that compile ahead: more cores than these would share too few kernels. */
const MOST_SIBLINGS = 3;

/** Dawn instances live as long as the process: devices made from them fail once they are collected. */
const instances: GPU[] = [];

function dawn(options: OpenOptions): GPU {
  useWideVectors();
  // Dawn hides shader-f16 on NVIDIA's Vulkan unless it is asked for.
  const features = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia"];
  const flags = [
    `enable-dawn-features=${features.join(",")}`,
    "disable-dawn-features=timestamp_quantization",
  ];
  if (options.backend) flags.push(`backend=${options.backend}`);
  if (options.adapter) flags.push(`adapter=${options.adapter}`);
  const gpu = create(flags);
  instances.push(gpu);
  return gpu;
}

/**
 * Lets llvmpipe use 512-bit vectors where the processor has them: 37 % less time. It reads the variable at the first Vulkan call.
 * Mesa's shader cache does not tell the widths apart, so this width gets a folder of its own.
 */
function useWideVectors(): void {
  const { env, platform } = process;
  if (platform !== "linux" || env.LP_NATIVE_VECTOR_WIDTH) return;
  try {
    if (!readFileSync("/proc/cpuinfo", "utf8").includes("avx512f")) return;
  } catch {
    return; // no /proc: llvmpipe's own choice is right, only slower
  }
  env.LP_NATIVE_VECTOR_WIDTH = "512";
  const cache = env.XDG_CACHE_HOME ?? (env.HOME ? `${env.HOME}/.cache` : undefined);
  if (cache) env.MESA_SHADER_CACHE_DIR ??= `${cache}/stylize/mesa-512`;
}

/** Opens the adapter that `options` ask for. Throws `no-adapter` with what there is instead. */
export async function openContext(options: OpenOptions = {}): Promise<GpuContext> {
  const gpu = dawn(options);
  const { device, info } = await openDevice(gpu, options);
  const { family = familyOf(info), debug } = options;
  const gives = options.giveWay && isSoftware(info);
  if (gives) giveWay();
  const resting = gives ? asleep : undefined;
  const compilesOnQueue =
    familyOf(info) === "cpu" && family === "cpu" && !process.env.MESA_SHADER_CACHE_DISABLE;
  const openSibling = async () => {
    const sibling = await openDevice(gpu, options);
    return new GpuContext(sibling.device, info, readShader, { family, resting, debug });
  };
  return new GpuContext(device, info, readShader, {
    family,
    waitingSpins: true, // Dawn's binding spins the main thread while a promise is pending
    resting,
    debug,
    openSiblings: compilesOnQueue ? () => siblings(openSibling) : undefined,
  });
}

/** One for each core that the first device leaves idle while it compiles, as far as they can be opened. */
async function siblings(open: () => Promise<GpuContext>): Promise<GpuContext[]> {
  const count = Math.min(availableParallelism() - 1, MOST_SIBLINGS);
  const opened = await Promise.allSettled(Array.from({ length: count }, open));
  return opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

interface OpenDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
}

async function openDevice(gpu: GPU, options: OpenOptions): Promise<OpenDevice> {
  const adapter = await quietly(() => gpu.requestAdapter({ powerPreference: "high-performance" }));
  if (!adapter) throw await noAdapter(options);
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  return { device, info: adapter.info };
}

/** After the driver has started its threads, which keep their priority: on Linux it is a thread's own; elsewhere it is the process's. */
function giveWay(): void {
  const low = constants.priority.PRIORITY_BELOW_NORMAL;
  if (process.platform === "linux" && getPriority() < low) setPriority(low);
}

const clock = new Int32Array(new SharedArrayBuffer(4));
let sleepers = 0;
let isSleepNear = false;

/** Dawn's binding looks at pending promises once in each turn of the event loop: a turn that sleeps keeps the thread from spinning. */
const asleep: Resting = async (promise) => {
  sleepers++;
  if (!isSleepNear) setImmediate(sleep);
  isSleepNear = true;
  try {
    return await promise;
  } finally {
    sleepers--;
  }
};

function sleep(): void {
  isSleepNear = sleepers > 0;
  if (!isSleepNear) return;
  Atomics.wait(clock, 0, 0, 1);
  setImmediate(sleep);
}

async function noAdapter({ adapter }: OpenOptions): Promise<StylizeError> {
  const found = adapter ? await listAdapters() : [];
  const message =
    found.length > 0
      ? `Expected an adapter whose name contains '${adapter}' but found ${found.map(({ name }) => `'${name}'`).join(", ")}.`
      : "Expected a WebGPU adapter but found none: install a GPU driver with Vulkan, or software Vulkan (node setup.mjs does).";
  return new StylizeError("no-adapter", message);
}

export interface AdapterReport {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly family: KernelFamilyName;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** The adapters Dawn offers, the preferred one first. WebGPU shows one for each power preference, so there may be one or two. */
export async function listAdapters(): Promise<AdapterReport[]> {
  const gpu = dawn({});
  const preferences: GPURequestAdapterOptions[] = [
    { powerPreference: "high-performance" },
    { powerPreference: "low-power" },
    { forceFallbackAdapter: true },
  ];
  const reports = new Map<string, AdapterReport>();
  for (const preference of preferences) {
    const adapter = await quietly(() => gpu.requestAdapter(preference));
    if (!adapter) continue;
    const { info } = adapter;
    const name = adapterName(info);
    const limits = Object.fromEntries(wantedLimits.map((limit) => [limit, adapter.limits[limit]]));
    reports.set(name, {
      name,
      vendor: info.vendor,
      architecture: info.architecture,
      family: familyOf(info),
      features: [...adapter.features].sort(),
      limits,
    });
  }
  return [...reports.values()];
}

/** Dawn rejects or answers null where there is no driver; both mean "no adapter". */
async function quietly(request: () => Promise<GPUAdapter | null>): Promise<GPUAdapter | null> {
  try {
    return await request();
  } catch {
    return null;
  }
}

const shaders = new Map<string, string>();

/** The text of `shaders/<name>.wgsl`. */
export const readShader: ShaderSource = (name) => {
  let text = shaders.get(name);
  if (text === undefined) {
    text = readFileSync(fileURLToPath(import.meta.resolve(`#shaders/${name}.wgsl`)), "utf8");
    shaders.set(name, text);
  }
  return text;
};
