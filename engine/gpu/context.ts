// Kept in the declarations, for compilers whose own settings don't tell them of Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The engine's whole contract with WebGPU: one device, its kernels, its memory, its errors.
 *
 * Everything that is allocated belongs to an `Arena`, which frees it as a whole; the context counts the live bytes.
 * Errors that WebGPU reports late (validation, out of memory, a lost device) are kept and thrown at the next await.
 */
import { StylizeError } from "../errors.ts";
import { adapterName, familyOf, isSoftware, type KernelFamilyName } from "./adapter.ts";
import { Arena } from "./arena.ts";
import { Kernel, type KernelText } from "./kernel.ts";
import { type MatrixConfig, matrixConfigs } from "./matrix-units.ts";
import { unrolled } from "./unroll.ts";
import { type Known, mapMode } from "./webgpu.ts";
import { withSubgroups } from "./wgsl.ts";

/** The text of shaders by their path under `shaders/` without `.wgsl`: `"pool_avg"`, `"lib/reduce"`. */
export type ShaderSource = (name: string) => string;

export interface ContextOptions {
  /** Of the adapter, for people; what its description says when not given. */
  readonly name?: string | undefined;
  /** Overrides the choice by adapter; tests use it to run both families on one adapter. */
  readonly family?: KernelFamilyName | undefined;
  /**
   * Whether a pending promise keeps the main thread busy, which takes a core from a software adapter. Browsers only
   * wait.
   */
  readonly waitingSpins?: boolean;
  /** Wraps what is awaited, so that the main thread rests meanwhile. */
  readonly resting?: Resting | undefined;
  /** @internal Opens what compiles kernels for the same adapter, which this device then finds; see compile-ahead.ts. */
  readonly openCompilers?: (() => Promise<readonly Compiler[]>) | undefined;
  /** Called with sentences for whoever looks for a fault. */
  readonly debug?: ((sentence: string) => void) | undefined;
}

/** @internal Compiles kernels into the driver's cache. */
export interface Compiler extends Disposable {
  /** One at a time. Rejects with what is wrong with the kernel, or `device-lost` where there is no compiler left. */
  compile(kernel: KernelText): Promise<void>;
}

/** Settles as `promise` does. */
export type Resting = <T>(promise: Promise<T>) => Promise<T>;

/** @internal */
export interface KernelParts {
  /** Lines that must stand first: `enable` and `diagnostic`. */
  readonly directives?: readonly string[];
  /**
   * Files of `shaders/lib/` joined in front, the first one before everything else but directives: it may enable a
   * feature.
   */
  readonly libs?: readonly string[];
  /** `const NAME = value;` lines joined behind them: tunable sizes. Integers become `u32`. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Invocations of a subgroup that the kernel asks for; without it they are the driver's choice. */
  readonly subgroup?: number | undefined;
}

/** @internal What a self-test found out about kernels on an adapter and its driver. */
export interface Verdict {
  /** Names of variants, and of methods, that compute something else here than they should. */
  readonly wrong: readonly string[];
  /** The method on matrix units that is right and quicker than plain kernels; undefined where there is none. */
  readonly matrix?: string | undefined;
}

/** How long after its effects the loss of a device may be told, in milliseconds. */
const LOSS_MS = 500;

export class GpuContext implements Disposable {
  readonly device: Known<"GPUDevice">;
  readonly adapterName: string;
  /** What the adapter tells of itself, its driver included. */
  readonly adapterInfo: Known<"GPUAdapterInfo">;
  readonly family: KernelFamilyName;
  /** Whether a processor plays the GPU. */
  readonly isSoftware: boolean;
  /** @internal */
  readonly waitingSpins: boolean;
  /** @internal */
  readonly openCompilers: ContextOptions["openCompilers"];
  /** @internal */
  readonly debug: (sentence: string) => void;
  readonly limits: Known<"GPUSupportedLimits">;
  /** @internal The products that the adapter's matrix units do; none where the device lacks them or their features. */
  matrixConfigs: readonly MatrixConfig[];
  /**
   * @internal Names of kernel variants by the shapes they are best for on this adapter; a family takes its defaults
   * for others.
   */
  choices: ReadonlyMap<string, string> = new Map();
  /** @internal What a self-test found out about this adapter, by the precision of maps. */
  verdicts: ReadonlyMap<string, Verdict> = new Map();
  /** Bytes of buffers and textures alive now, and the most there ever were. */
  liveBytes = 0;
  peakBytes = 0;
  /** @internal Whether a program has run to its end; the first one may have to wait for the driver's compiler. */
  hasRun = false;
  readonly #resting: Resting;
  readonly #compilesInBackground: boolean;
  readonly #shaders: ShaderSource;
  readonly #kernels = new Map<string, Kernel>();
  #failure: StylizeError | undefined;
  #lost: StylizeError | undefined;
  /** Rejections of what is awaited now. */
  readonly #waiting = new Set<(error: StylizeError) => void>();

  constructor(
    device: Known<"GPUDevice">,
    info: Known<"GPUAdapterInfo">,
    shaders: ShaderSource,
    options: ContextOptions = {},
  ) {
    const { name, family = familyOf(info), waitingSpins = false, resting, openCompilers, debug } = options;
    this.device = device;
    this.adapterName = name ?? adapterName(info);
    this.adapterInfo = info;
    this.family = family;
    this.isSoftware = isSoftware(info);
    this.matrixConfigs = matrixConfigs(info, device.features);
    this.waitingSpins = waitingSpins;
    this.openCompilers = openCompilers;
    this.debug = debug ?? (() => {});
    this.#resting = resting ?? ((promise) => promise);
    // Where waiting keeps a core busy, two compile slower in the background than one in front.
    this.#compilesInBackground = !(waitingSpins && !resting && family === "cpu");
    this.limits = device.limits;
    this.#shaders = shaders;
    device.onuncapturederror = (event) => {
      event.preventDefault(); // Dawn's Node binding would print it on standard output
      this.#fail(wrap(event.error));
    };
    device.lost.then(({ reason, message }) => {
      this.#lost = new StylizeError("device-lost", `The GPU device was lost (${reason}): ${message}`);
      this.#fail(this.#lost);
      for (const reject of this.#waiting) reject(this.#lost);
    });
  }

  /** @internal Bytes of the largest storage buffer that can be made and bound whole. */
  get maxBufferBytes(): number {
    return Math.min(this.limits.maxStorageBufferBindingSize, this.limits.maxBufferSize);
  }

  #fail(error: StylizeError): void {
    this.#failure ??= error;
  }

  /** @internal Throws what went wrong since the last check, if anything did. */
  check(): void {
    const failure = this.#failure;
    if (!failure) return;
    if (failure.code !== "device-lost") this.#failure = undefined;
    throw failure;
  }

  /** @internal Awaits `promise` or the loss of the device, whichever is first, then reports errors kept until then. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const value = await this.#resting(this.#orLoss(promise)).catch((error) => this.#explain(error));
    this.check();
    return value;
  }

  /**
   * Settles as `promise` does, or rejects when the device is lost before.
   *
   * Once it has settled nothing holds it: a race with a promise that lives as long as the device would.
   */
  #orLoss<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost) reject(this.#lost);
      this.#waiting.add(reject);
      const settled = () => this.#waiting.delete(reject);
      promise.then(resolve, reject).then(settled);
    });
  }

  /**
   * @internal Waits until the memory of all that was destroyed is free: Dawn keeps it until work that is submitted
   * afterwards is done. Never rejects.
   */
  async reclaim(): Promise<void> {
    const { queue } = this.device;
    queue.submit([]);
    await this.#resting(this.#orLoss(queue.onSubmittedWorkDone())).catch(() => {});
  }

  /** Throws `error`, or the loss of the device where that caused it: the rejection may come before the loss is told. */
  async #explain(error: unknown): Promise<never> {
    await this.#orLoss(new Promise((resolve) => setTimeout(resolve, LOSS_MS)));
    throw error;
  }

  /** @internal Runs `build`, which allocates or records, and throws any error that WebGPU finds in it. */
  async guarded<T>(build: () => T | Promise<T>): Promise<T> {
    const filters: GPUErrorFilter[] = ["validation", "out-of-memory", "internal"];
    for (const filter of filters) this.device.pushErrorScope(filter);
    let result: T | undefined;
    let thrown: unknown;
    try {
      result = await build();
    } catch (error) {
      thrown = error;
    }
    const errors = await this.until(Promise.all(filters.map(() => this.device.popErrorScope())));
    const error = errors.find((e) => e !== null);
    if (thrown !== undefined) throw thrown;
    if (error) throw wrap(error);
    return result as T;
  }

  /**
   * @internal The kernel in `shaders/<name>.wgsl`; compiled once per combination of parts. Its loops are written out
   * for GPUs: compilers for processors take several times as long for it, and gain nothing.
   */
  kernel(name: string, { directives = [], libs = [], constants = {}, subgroup }: KernelParts = {}): Kernel {
    const lines = Object.entries(constants).map(
      ([key, value]) => `const ${key} = ${Number.isInteger(value) ? `${value}u` : value};`,
    );
    return this.#compiled([name, ...libs, ...lines, subgroup ?? ""].join(" "), name, () => {
      const joined = [...directives, ...this.#libs(libs), ...lines, this.#shaders(name)].join("\n");
      const text = this.isSoftware ? joined : unrolled(joined);
      return subgroup === undefined ? text : withSubgroups(text, subgroup);
    });
  }

  /** @internal The text of `shaders/<name>.wgsl`. */
  shaderText(name: string): string {
    return this.#shaders(name);
  }

  /** @internal A kernel of generated text; compiled once per label, which must name all that the text depends on. */
  generatedKernel(label: string, text: () => string, libs: readonly string[] = []): Kernel {
    return this.#compiled([label, ...libs].join(" "), label, () => [...this.#libs(libs), text()].join("\n"));
  }

  #libs(names: readonly string[]): string[] {
    return names.map((name) => this.#shaders(`lib/${name}`));
  }

  /** @internal A kernel of another context, on this one's device. */
  adopt({ key, label, code }: KernelText): Kernel {
    return this.#compiled(key, label, () => code);
  }

  #compiled(key: string, label: string, code: () => string): Kernel {
    let kernel = this.#kernels.get(key);
    if (!kernel) {
      kernel = new Kernel(this.device, key, label, code(), this.#compilesInBackground, this.debug);
      this.#kernels.set(key, kernel);
    }
    return kernel;
  }

  /** @internal All kernels so far, in the order they were first asked for. */
  get kernels(): readonly Kernel[] {
    return [...this.#kernels.values()];
  }

  /** @internal */
  arena(label: string): Arena {
    return new Arena(this, label);
  }

  /** @internal Reads `count` f32 values from the start of `buffer`. */
  async readFloats(buffer: GPUBuffer, count: number): Promise<Float32Array> {
    return new Float32Array(await this.read(buffer, 4 * count));
  }

  /** @internal Reads `bytes` (a multiple of 4) from the start of `buffer`, once all submitted work is done. */
  async read(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    using arena = this.arena("readback");
    const staging = arena.staging("readback", bytes);
    const encoder = this.device.createCommandEncoder({ label: "readback" });
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
    this.device.queue.submit([encoder.finish()]);
    return await this.readStaging(staging); // before the arena goes
  }

  /** @internal Reads a staging buffer, once the work submitted so far that writes it is done. */
  async readStaging(staging: GPUBuffer): Promise<ArrayBuffer> {
    await this.until(staging.mapAsync(mapMode.READ));
    const copy = staging.getMappedRange().slice(0);
    staging.unmap();
    return copy;
  }

  [Symbol.dispose](): void {
    this.device.destroy();
  }
}

function wrap(error: GPUError): StylizeError {
  const isMemory = error.constructor.name === "GPUOutOfMemoryError";
  const text = error.message.split("\n")[0]!;
  return isMemory
    ? new StylizeError("out-of-memory", `The adapter has not enough memory: ${text}`, { cause: error })
    : new StylizeError("gpu-error", `WebGPU reported: ${text}`, { cause: error });
}
