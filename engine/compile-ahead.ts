/**
 * A cold start on llvmpipe with more than one core.
 *
 * llvmpipe compiles a kernel where it first runs, on the one thread that serves the device's queue: with an empty shader cache, that is most
 * of the time until the first step. Other devices of the same adapter have threads of their own, and what they compile is found in the
 * driver's cache on disk. So they run each kernel once on next to nothing, the last one needed first, while the job's own device comes
 * from the other end.
 */
import type { Arena } from "./gpu/arena.ts";
import type { GpuContext } from "./gpu/context.ts";
import { Kernel } from "./gpu/kernel.ts";
import { Program } from "./gpu/program.ts";
import { paramsSize } from "./gpu/wgsl.ts";
import {
  featuresOf,
  gramOf,
  lossLayers,
  recordObjective,
  recordStatistics,
  type Targets,
  type Term,
} from "./losses/objective.ts";
import type { Model } from "./network/model.ts";
import type { Pooling, Preprocessing } from "./network/types.ts";
import { truncated } from "./network/vgg19.ts";
import { familyOn } from "./ops/families.ts";
import type { CreateOptimizer } from "./optimizers/optimizer.ts";
import type { Size } from "./pyramid.ts";

/** What a job will run first: all that its kernels depend on. */
export interface FirstScale {
  readonly preprocessing: Preprocessing;
  readonly pooling: Pooling;
  readonly terms: readonly Term[];
  readonly size: Size;
  readonly styles: readonly Size[];
  readonly optimizer: CreateOptimizer;
}

export interface CompileAhead {
  /** Ends it; resolves when its devices are gone, which may take as long as one kernel. Never rejects. */
  stop(): Promise<void>;
}

/** How long the first program may take with a filled cache, in milliseconds: several times what it does. */
const COLD_MS = 100;

/** Bytes of a buffer that no kernel's struct exceeds. */
const SMALL = 256;

/**
 * Compiles the kernels of `scale` ahead if the first program on `context`, which the caller is about to run, has to wait for the compiler.
 *
 * Does nothing where the context can't open siblings. Its failures are its own: the job then compiles as if it were not there.
 */
export function compileAhead(context: GpuContext, scale: FirstScale, signal?: AbortSignal): CompileAhead {
  const { openSiblings } = context;
  let isStopped = false;
  let work: Promise<void> | undefined;
  const start = () => {
    if (openSiblings && !context.hasRun) {
      work = compileOn(openSiblings, scale, () => isStopped || signal?.aborted === true).catch(() => {});
    }
  };
  const timer = openSiblings && !context.hasRun ? setTimeout(start, COLD_MS) : undefined;
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await work;
    },
  };
}

/** Opens siblings and compiles on them until all kernels are in the driver's cache or `isStopped`. */
export async function compileOn(
  openSiblings: () => Promise<readonly GpuContext[]>,
  scale: FirstScale,
  isStopped: () => boolean,
): Promise<void> {
  const siblings = await openSiblings();
  const [first] = siblings;
  if (!first) return;
  try {
    const kernels = [...kernelsOf(first, scale)];
    await Promise.allSettled(
      siblings.map(async (sibling) => {
        for (let next = kernels.pop(); next && !isStopped(); next = kernels.pop()) {
          await runOnce(sibling, new Kernel(sibling.device, next.label, next.code, true));
        }
      }),
    );
  } finally {
    for (const sibling of siblings) sibling[Symbol.dispose]();
  }
}

/** The kernels of a scale in the order of need: records what a job will, and runs nothing. Memory that is never used is never there. */
function kernelsOf(context: GpuContext, scale: FirstScale): readonly Kernel[] {
  const { terms, size, styles, optimizer } = scale;
  using arena = context.arena("rehearsal");
  const model = modelOf(context, arena, scale);
  const program = new Program(context, arena);
  const record = (picture: Size, kind: "style" | "content") => {
    const image = arena.buffer("picture", 12 * picture.width * picture.height);
    const statistic = kind === "style" ? gramOf : featuresOf;
    const layers = lossLayers(terms, kind);
    if (layers.size > 0) recordStatistics(program, arena, model, image, picture, layers, statistic);
  };
  for (const style of styles) record(style, "style");
  record(size, "content");
  const start = { ...size, data: new Float32Array(3 * size.width * size.height) };
  const targets: Targets = new Map([...lossLayers(terms)].map((layer) => [layer, new Float32Array([1])]));
  const objective = recordObjective(context, arena, model, start, terms, {
    content: targets,
    style: targets,
  });
  const previous = arena.buffer("previous picture", start.data.byteLength);
  const { image, gradient, state } = objective;
  optimizer(context, arena, { count: start.data.length, image, gradient, previous, state });
  return context.kernels;
}

/** Layers without weights: kernels do not depend on them. */
function modelOf(context: GpuContext, arena: Arena, { preprocessing, pooling, terms }: FirstScale): Model {
  const weights = arena.texture("weights", 1, 1).createView({ dimension: "2d" });
  const bias = arena.buffer("bias", SMALL);
  return {
    family: familyOn(context, "f32"),
    preprocessing,
    pooling,
    layers: truncated([...lossLayers(terms)]).map((layer) => ({
      layer,
      forward: weights,
      backward: weights,
      bias,
    })),
  };
}

/** Runs one workgroup of a kernel, which makes the driver compile it, whatever it is bound to. */
async function runOnce(context: GpuContext, kernel: Kernel): Promise<void> {
  const { device } = context;
  using arena = context.arena(kernel.label);
  await context.until(kernel.ready);
  const entries = kernel.bindings.map(({ binding, kind }): GPUBindGroupEntry => {
    if (typeof kind === "object") {
      const { dimension } = kind;
      return { binding, resource: arena.texture("texel", 1, 1).createView({ dimension }) };
    }
    const buffer =
      kind === "uniform" ? arena.uniform("params", paramsSize(kernel.params)) : arena.buffer("values", SMALL);
    return { binding, resource: { buffer } };
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: kernel.layout, entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  await context.until(device.queue.onSubmittedWorkDone());
}
