/**
 * A cold start on llvmpipe with more than one core.
 *
 * llvmpipe compiles a kernel where it first runs, on the one thread that serves the device's queue: with an empty
 * shader cache, that is most of the time until the first step. What other processes compile is found in the driver's
 * cache on disk. So they share out the kernels, each of which is run once on next to nothing, and the job's own device
 * takes its share before it begins. Other devices of the same process would do, if Mesa were safe to compile on several
 * threads at once (compilers.ts).
 */
import { StylizeError } from "./errors.ts";
import type { Compiler, GpuContext } from "./gpu/context.ts";
import type { Kernel, KernelText } from "./gpu/kernel.ts";

/** Kernels that are needed together; group by group. */
export type KernelGroups = AsyncIterable<readonly Kernel[]>;

export interface CompileAhead {
  /**
   * Compiles on the job's own device, too, until the first group is done. Resolves at once where nothing had to be
   * compiled so far; never rejects. Call it when the network is loaded.
   */
  join(): Promise<void>;
  /** Call it when the first step is done: what it took has been compiled. */
  stepped(): void;
  /** Ends it; resolves when all have done their present kernel and are told to go. Never rejects. */
  stop(): Promise<void>;
}

/** How long the first program may take with a filled cache, in milliseconds: several times what it does. */
const COLD_MS = 100;

/**
 * How long the first step may take behind that, in milliseconds. The cache may have the first program and lack others:
 * a start was cut off, or this run has other options. A large picture takes longer for its own sake, and a second of a
 * core is lost.
 */
const SLOW_MS = 4000;

/**
 * Compiles the kernels of `groups` ahead if the first program on `context`, which the caller is about to run, has to
 * wait for the compiler.
 *
 * Does nothing where the context can't open compilers. Its failures are its own: the job then compiles as if it were
 * not there.
 */
export function compileAhead(
  context: GpuContext,
  groups: () => KernelGroups,
  signal?: AbortSignal,
): CompileAhead {
  const { openCompilers, debug } = context;
  if (!openCompilers || context.hasRun) return { join: async () => {}, stepped() {}, stop: async () => {} };
  let isStopped = false;
  let sharing: Sharing | undefined;
  const start = () => {
    sharing = new Sharing(openCompilers, groups(), () => isStopped || signal?.aborted === true, debug);
  };
  let timer = setTimeout(() => !context.hasRun && start(), COLD_MS);
  return {
    async join() {
      clearTimeout(timer);
      if (sharing) await sharing.join(context);
      else if (!isStopped) timer = setTimeout(start, SLOW_MS);
    },
    stepped() {
      clearTimeout(timer);
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await sharing?.end;
    },
  };
}

/** Kernels that compilers take from until all are in the driver's cache or `isStopped`. */
export class Sharing {
  /** Settles when all are compiled or it has stopped, and the compilers are told to go. Never rejects. */
  readonly end: Promise<void>;
  /** Labels of what was compiled so far. */
  readonly compiled: string[] = [];
  readonly #isStopped: () => boolean;
  readonly #debug: (sentence: string) => void;
  /** Settles with the kernels of the first group, from which all take until it is empty. */
  readonly #first: Promise<Kernel[]>;
  /** Settles when the compilers are done with the first group. */
  readonly #firstDone: Promise<void>;
  /** Settles when the job's own device is done with its share. */
  #joined: Promise<void> = Promise.resolve();
  #tellFirst: (kernels: Kernel[]) => void = () => {};
  #tellFirstDone: () => void = () => {};

  constructor(
    openCompilers: () => Promise<readonly Compiler[]>,
    groups: KernelGroups,
    isStopped: () => boolean,
    debug: (sentence: string) => void,
  ) {
    this.#isStopped = isStopped;
    this.#debug = debug;
    this.#first = new Promise((resolve) => {
      this.#tellFirst = resolve;
    });
    this.#firstDone = new Promise((resolve) => {
      this.#tellFirstDone = resolve;
    });
    this.end = this.#compileAll(openCompilers, groups);
  }

  /** Takes kernels of the first group on `context`, too; resolves when it is done. */
  async join(context: GpuContext): Promise<void> {
    this.#joined = this.#first.then((kernels) =>
      this.#compileFrom(kernels, (kernel) => runOnce(context, kernel)),
    );
    await Promise.all([this.#joined, this.#firstDone]);
  }

  async #compileAll(openCompilers: () => Promise<readonly Compiler[]>, groups: KernelGroups): Promise<void> {
    let compilers: readonly Compiler[] = [];
    try {
      compilers = await openCompilers();
      if (compilers.length > 0) await this.#compileGroups(compilers, groups);
      this.#tellFirst([]); // where there was none
      await this.#joined;
      this.#debug(`compiled ${this.compiled.length} kernels ahead: ${this.compiled.join(", ")}`);
    } catch (error) {
      this.#debug(`compiling ahead failed: ${error}`);
    } finally {
      for (const compiler of compilers) compiler[Symbol.dispose]();
      this.#tellFirst([]);
      this.#tellFirstDone();
    }
  }

  async #compileGroups(compilers: readonly Compiler[], groups: KernelGroups): Promise<void> {
    for await (const group of groups) {
      // The longest come first, so that all end at about the same time.
      const kernels = group.toSorted((a, b) => a.code.length - b.code.length);
      this.#tellFirst(kernels);
      await Promise.all(
        compilers.map((compiler) => this.#compileFrom(kernels, (kernel) => compiler.compile(kernel))),
      );
      this.#tellFirstDone();
      if (this.#isStopped()) return;
    }
  }

  async #compileFrom(kernels: Kernel[], compile: (kernel: Kernel) => Promise<void>): Promise<void> {
    while (!this.#isStopped()) {
      const next = kernels.pop();
      if (!next) return;
      try {
        await compile(next);
        this.compiled.push(next.label);
      } catch (error) {
        this.#debug(`compiling '${next.label}' ahead failed: ${error}`);
        if (error instanceof StylizeError && error.code === "device-lost") return;
      }
    }
  }
}

/** Runs one workgroup of a kernel, which makes the driver compile it, whatever it is bound to. */
export async function runOnce(context: GpuContext, text: KernelText): Promise<void> {
  const { device } = context;
  const kernel = context.adopt(text);
  using arena = context.arena(kernel.label);
  await context.until(kernel.ready);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: kernel.layout, entries: kernel.dummies(arena) }));
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  await context.until(device.queue.onSubmittedWorkDone());
}
