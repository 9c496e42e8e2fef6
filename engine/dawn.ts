/** The adapters that Dawn (npm `webgpu`) has on this machine: all of them by name, and the one that is meant. */
import { readFileSync } from "node:fs";
import { create } from "webgpu";
import { StylizeError } from "./errors.ts";
import { adapterName, familyOf, type KernelFamilyName } from "./gpu/adapter.ts";
import { findPlace, parseAdapterNames, placeByName } from "./gpu/adapter-list.ts";

export interface AdapterOptions {
  /**
   * An adapter's name or part of it, in any case ("llvmpipe", "nvidia"), or its number from 1 in `listAdapters`. The
   * default is the adapter that WebGPU prefers.
   */
  readonly adapter?: string;
  /** Which Dawn backend to ask, e.g. "vulkan"; `null` has no GPU and only validates shaders. */
  readonly backend?: string;
}

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

/** @internal */
export const limitsOf = ({ limits }: GPUAdapter): Record<string, number> =>
  Object.fromEntries(wantedLimits.map((name) => [name, limits[name]]));

/** Dawn instances live as long as the process: devices made from them fail once they are collected. */
const instances: GPU[] = [];

/** `name`: text that must be in the adapter's name, in that case. */
function dawn({ backend }: AdapterOptions, name?: string): GPU {
  useWideVectors();
  // Dawn hides shader-f16 on NVIDIA's Vulkan unless it is asked for.
  const features = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia"];
  const flags = [
    `enable-dawn-features=${features.join(",")}`,
    "disable-dawn-features=timestamp_quantization",
  ];
  if (backend) flags.push(`backend=${backend}`);
  if (name) flags.push(`adapter=${name}`);
  return create(flags);
}

function kept(gpu: GPU): GPU {
  instances.push(gpu);
  return gpu;
}

/**
 * Lets llvmpipe use 512-bit vectors where the processor has them, which takes 37 % less time. It reads the variable at
 * the first Vulkan call. Mesa's shader cache does not tell the widths apart, so this one gets a folder of its own.
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

const preferred: GPURequestAdapterOptions = { powerPreference: "high-performance" };

/** @internal A fresh adapter, from which one device can be had. */
export type RequestAdapter = () => Promise<GPUAdapter | null>;

interface ChosenAdapter {
  /** As its driver writes it. */
  readonly name: string;
  readonly request: RequestAdapter;
}

/** `behind`: Dawn can't be asked for it, and would give the adapter at that place, from 0. */
type Candidate = ChosenAdapter | { readonly name: string; readonly behind: number };

/** All adapters, the one that WebGPU prefers first. */
async function candidates(options: AdapterOptions): Promise<readonly Candidate[]> {
  const names = await adapterNames(options);
  if (names === undefined) return unlistedCandidates(options);
  return names.map((name, place) => {
    const first = placeByName(names, place);
    if (first !== place) return { name, behind: first };
    let gpu: GPU | undefined;
    const request = () => {
      gpu ??= kept(dawn(options, name));
      return quietly(() => gpu!.requestAdapter(preferred));
    };
    return { name, request };
  });
}

/** A name that no driver gives. */
const NOBODY = "no adapter has this name";

/** Undefined where Dawn does not tell. */
async function adapterNames(options: AdapterOptions): Promise<readonly string[] | undefined> {
  try {
    const adapter = await dawn(options, NOBODY).requestAdapter(preferred);
    return adapter ? undefined : [];
  } catch (error) {
    return parseAdapterNames((error as Error).message);
  }
}

/** Those that WebGPU gives for one preference or another, where their names are not to be had. */
async function unlistedCandidates(options: AdapterOptions): Promise<readonly Candidate[]> {
  const gpu = kept(dawn(options));
  const preferences = [preferred, { powerPreference: "low-power" }, { forceFallbackAdapter: true }] as const;
  const found = new Map<string, Candidate>();
  for (const preference of preferences) {
    const request = () => quietly(() => gpu.requestAdapter(preference));
    const adapter = await request();
    if (!adapter) continue;
    const name = adapter.info.device || adapterName(adapter.info);
    if (!found.has(name)) found.set(name, { name, request });
  }
  return [...found.values()];
}

/** @internal Throws `no-adapter` where the one that `options` ask for is not there or can't be had. */
export async function chooseAdapter(options: AdapterOptions): Promise<ChosenAdapter> {
  const all = await candidates(options);
  if (all.length === 0) throw noAdapter();
  const { adapter } = options;
  const names = all.map(({ name }) => name);
  const place = adapter === undefined ? 0 : findPlace(names, adapter);
  const candidate = all[place]!;
  if ("request" in candidate) return candidate;
  const named = (at: number) => `'${names[at]}' (${at + 1})`;
  const message =
    `Expected an adapter that Dawn can be asked for but it gives ${named(candidate.behind)} for ${named(place)}: ` +
    'hide the former from it (docs/cli.md, "Adapters").';
  throw new StylizeError("no-adapter", message);
}

/** @internal */
export function noAdapter(): StylizeError {
  return new StylizeError(
    "no-adapter",
    "Expected a WebGPU adapter but found none: install a GPU driver with Vulkan, or software Vulkan, as " +
      "'node setup.mjs' does in a clone: Debian's mesa-vulkan-drivers, for instance.",
  );
}

/** An adapter that there is. */
export interface ListedAdapter {
  /** From 1; `AdapterOptions.adapter` takes it, and the name. */
  readonly number: number;
  /** As its driver writes it. */
  readonly name: string;
  /** Undefined for one that can't be had. */
  readonly report?: AdapterReport;
  /** The number of the adapter that Dawn gives instead, because its name contains this one's. */
  readonly behind?: number;
}

export interface AdapterReport {
  readonly driver: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly family: KernelFamilyName;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/**
 * All adapters, the one that WebGPU prefers first.
 *
 * @throws StylizeError `no-adapter` where there is none.
 *
 * @example
 * ```ts
 * import { listAdapters } from "stylize/node";
 *
 * for (const { number, name } of await listAdapters()) console.log(`${number}. ${name}`);
 * ```
 */
export async function listAdapters(): Promise<readonly ListedAdapter[]> {
  const all = await candidates({});
  if (all.length === 0) throw noAdapter();
  return Promise.all(
    all.map(async (candidate, place) => {
      const listed = { number: place + 1, name: candidate.name };
      if ("behind" in candidate) return { ...listed, behind: candidate.behind + 1 };
      const adapter = await candidate.request();
      return { ...listed, ...(adapter && { report: reportOf(adapter) }) };
    }),
  );
}

function reportOf(adapter: GPUAdapter): AdapterReport {
  const { info } = adapter;
  return {
    driver: info.description,
    vendor: info.vendor,
    architecture: info.architecture,
    family: familyOf(info),
    features: [...adapter.features].sort(),
    limits: limitsOf(adapter),
  };
}

/** Dawn rejects or answers null where there is no driver; both mean "no adapter". */
async function quietly(request: () => Promise<GPUAdapter | null>): Promise<GPUAdapter | null> {
  try {
    return await request();
  } catch {
    return null;
  }
}
