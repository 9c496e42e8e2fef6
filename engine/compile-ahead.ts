/**
 * A cold start on llvmpipe with more than one core.
 *
 * llvmpipe compiles a kernel where it first runs, on the one thread that serves the device's queue: with an empty shader cache, that is most
 * of the time until the first step. Other devices of the same adapter have threads of their own, and what they compile is found in the
 * driver's cache on disk. So they run each kernel once on next to nothing, the last one needed first, while the job's own device comes
 * from the other end.
 */
import { StylizeError } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
import { Kernel } from "./gpu/kernel.ts";

/** Kernels that are needed together, the first one needed first; group by group. */
export type KernelGroups = AsyncIterable<readonly Kernel[]>;

export interface CompileAhead {
  /** Ends it; resolves when its devices are gone, which may take as long as one kernel. Never rejects. */
  stop(): Promise<void>;
}

/** How long the first program may take with a filled cache, in milliseconds: several times what it does. */
const COLD_MS = 100;

/**
 * Compiles the kernels of `groups` ahead if the first program on `context`, which the caller is about to run, has to wait
 * for the compiler.
 *
 * Does nothing where the context can't open siblings. Its failures are its own: the job then compiles as if it were not there.
 */
export function compileAhead(
  context: GpuContext,
  groups: () => KernelGroups,
  signal?: AbortSignal,
): CompileAhead {
  const { openSiblings, hasRun, debug } = context;
  let isStopped = false;
  let work: Promise<void> | undefined;
  const start = async (open: NonNullable<typeof openSiblings>) => {
    try {
      const labels = await compileOn(open, groups(), () => isStopped || signal?.aborted === true, debug);
      debug(`compiled ${labels.length} kernels ahead: ${labels.join(", ")}`);
    } catch (error) {
      debug(`compiling ahead failed: ${error}`);
    }
  };
  const timer =
    openSiblings && !hasRun
      ? setTimeout(() => {
          if (!context.hasRun) work = start(openSiblings);
        }, COLD_MS)
      : undefined;
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await work;
    },
  };
}

/**
 * Opens siblings and compiles on them until all kernels are in the driver's cache or `isStopped`.
 *
 * Returns the labels of those that were compiled. A kernel that fails is told to `debug`, and the next one tried.
 */
export async function compileOn(
  openSiblings: () => Promise<readonly GpuContext[]>,
  groups: KernelGroups,
  isStopped: () => boolean,
  debug: (sentence: string) => void,
): Promise<string[]> {
  const siblings = await openSiblings();
  const compiled: string[] = [];
  const compileFrom = async (sibling: GpuContext, kernels: Kernel[]): Promise<void> => {
    for (let next = kernels.pop(); next && !isStopped(); next = kernels.pop()) {
      try {
        await runOnce(sibling, new Kernel(sibling.device, next.label, next.code, true));
        compiled.push(next.label);
      } catch (error) {
        debug(`compiling '${next.label}' ahead failed: ${error}`);
        if (error instanceof StylizeError && error.code === "device-lost") return;
      }
    }
  };
  try {
    if (siblings.length === 0) return compiled;
    for await (const group of groups) {
      const kernels = [...group];
      await Promise.all(siblings.map((sibling) => compileFrom(sibling, kernels)));
      if (isStopped()) break;
    }
  } finally {
    for (const sibling of siblings) sibling[Symbol.dispose]();
  }
  return compiled;
}

/** Runs one workgroup of a kernel, which makes the driver compile it, whatever it is bound to. */
async function runOnce(context: GpuContext, kernel: Kernel): Promise<void> {
  const { device } = context;
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
