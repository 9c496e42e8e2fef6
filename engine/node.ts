/**
 * The engine in Node.js: opens a device on an adapter that dawn.ts finds, reads shaders from disk.
 *
 * With dawn.ts, compilers.ts and make-folder.ts the only file of the engine that knows Node; browser.ts is their
 * counterpart.
 */
import { accessSync, constants as files, readFileSync } from "node:fs";
import { availableParallelism, constants, getPriority, homedir, setPriority } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openCompilers } from "./compilers.ts";
import { type AdapterOptions, chooseAdapter, limitsOf, noAdapter, type RequestAdapter } from "./dawn.ts";
import { familyOf, isSoftware, type KernelFamilyName } from "./gpu/adapter.ts";
import { GpuContext, type Resting, type ShaderSource } from "./gpu/context.ts";
import { matrixFeature, subgroupSizeFeature } from "./gpu/matrix-units.ts";
import { makeFolder } from "./make-folder.ts";

export { type AdapterOptions, type AdapterReport, type ListedAdapter, listAdapters } from "./dawn.ts";

export interface OpenOptions extends AdapterOptions {
  /** Overrides the family of kernels that the adapter would get; for tests and measurements. */
  readonly family?: KernelFamilyName;
  /**
   * For programs that do nothing else: lowers the calling thread's priority, for good, where a processor plays the GPU,
   * and lets it sleep for a millisecond in each turn of the event loop while it waits. Waiting keeps that thread busy,
   * which took up to half of the time from the adapter's own threads on two cores.
   */
  readonly giveWay?: boolean;
  /** Called with sentences for whoever looks for a fault. */
  readonly debug?: ((sentence: string) => void) | undefined;
}

/** Features that make the engine faster or measurable; requested where the adapter has them. */
const wantedFeatures = [
  "timestamp-query",
  "shader-f16",
  "subgroups",
  subgroupSizeFeature,
  matrixFeature,
] as readonly GPUFeatureName[];

/** Processes that compile ahead: more cores than these would share too few kernels. */
const MOST_COMPILERS = 3;

/**
 * Opens the adapter that `options` ask for.
 *
 * @throws StylizeError `no-adapter` with what there is instead.
 *
 * @example
 * ```ts
 * import { openContext } from "stylize/node";
 *
 * using context = await openContext({ adapter: "nvidia" });
 * console.log(context.adapterName);
 * ```
 */
export async function openContext(options: OpenOptions = {}): Promise<GpuContext> {
  const { name, request } = await chooseAdapter(options);
  const { device, info } = await openDevice(request);
  const { family = familyOf(info), debug } = options;
  const gives = options.giveWay && isSoftware(info);
  const resting = gives ? asleep : undefined;
  const compilesOnQueue = familyOf(info) === "cpu" && family === "cpu" && hasShaderCache();
  if (gives && compilesOnQueue) setTimeout(giveWay, STARTED_MS).unref();
  else if (gives) giveWay();
  return new GpuContext(device, info, readShader, {
    name,
    family,
    waitingSpins: true, // Dawn's binding spins the main thread while a promise is pending
    resting,
    debug,
    openCompilers: compilesOnQueue ? () => openCompilers(compilerCount(), options) : undefined,
  });
}

/** Whether Mesa can keep what it compiles, which else each process compiles anew. Makes the folder that it takes. */
function hasShaderCache(): boolean {
  const { MESA_SHADER_CACHE_DISABLE, MESA_SHADER_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  if (MESA_SHADER_CACHE_DISABLE) return false;
  const folder = MESA_SHADER_CACHE_DIR || XDG_CACHE_HOME || join(homedir(), ".cache");
  try {
    makeFolder(folder);
    accessSync(folder, files.W_OK | files.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Memory that there must be for each process that compiles: it takes 0.4 GB, and the job needs some, too. */
const COMPILER_BYTES = 2 ** 30;

/** One for each core that the first device leaves idle while it compiles, as far as memory allows. */
const compilerCount = () =>
  Math.min(
    availableParallelism() - 1,
    MOST_COMPILERS,
    Math.floor(process.availableMemory() / COMPILER_BYTES),
  );

interface OpenDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
}

async function openDevice(request: RequestAdapter): Promise<OpenDevice> {
  const adapter = await request();
  if (!adapter) throw noAdapter();
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature));
  const requiredLimits = limitsOf(adapter);
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  return { device, info: adapter.info };
}

/**
 * When processes that compile ahead have started, if any do, in milliseconds. They would inherit a low priority, and
 * the job would wait for what they compile at it.
 */
const STARTED_MS = 5000;

/**
 * After the driver has started its threads, which keep their priority: on Linux it is a thread's own; elsewhere it is
 * the process's.
 */
function giveWay(): void {
  const low = constants.priority.PRIORITY_BELOW_NORMAL;
  if (process.platform === "linux" && getPriority() < low) setPriority(low);
}

/** Milliseconds that a turn of the event loop sleeps: a hundredth of the time waited so far, within these. */
const [SHORTEST_SLEEP, LONGEST_SLEEP] = [1, 10];

const clock = new Int32Array(new SharedArrayBuffer(4));
let sleepers = 0;
let isSleepNear = false;
let waitingSince = 0;

/**
 * Dawn's binding looks at pending promises once in each turn of the event loop, so a turn that sleeps keeps the thread
 * from spinning. A turn costs a tenth of a millisecond: with one in each millisecond, a tenth of a core for as long as
 * kernels are compiled.
 */
const asleep: Resting = async (promise) => {
  sleepers++;
  if (sleepers === 1) waitingSince = performance.now();
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
  const part = (performance.now() - waitingSince) / 100;
  Atomics.wait(clock, 0, 0, Math.min(Math.max(part, SHORTEST_SLEEP), LONGEST_SLEEP));
  setImmediate(sleep);
}

const shaders = new Map<string, string>();

/**
 * The text of `shaders/<name>.wgsl`.
 *
 * @example
 * ```ts
 * import { readShader } from "stylize/node";
 *
 * const text = readShader("pool_avg");
 * ```
 */
export const readShader: ShaderSource = (name) => {
  let text = shaders.get(name);
  if (text === undefined) {
    text = readFileSync(fileURLToPath(import.meta.resolve(`#shaders/${name}.wgsl`)), "utf8");
    shaders.set(name, text);
  }
  return text;
};
