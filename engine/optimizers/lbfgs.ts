/**
 * L-BFGS on the device: five dispatches a step, and three more for each GiB of steps or of differences beyond the
 * first.
 *
 * The history is a ring of pairs (s, y), one slot more than are used, so that a candidate can be written, measured and
 * rejected in place. As many slots as fit one texture form a slab: two arrays of [slots] layers, [height][width] texels
 * each, for s and for y. They are textures because software Vulkan reads those in half the time of buffers and compiles
 * their shaders sooner. In f16 a texel holds eight values instead of four, which halves memory and traffic; all else is
 * f32.
 */
import type { Arena } from "../gpu/arena.ts";
import type { GpuContext } from "../gpu/context.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Precision } from "../gpu/precision.ts";
import { linearGrid, Program, type Timestamps } from "../gpu/program.ts";
import type { Submission } from "../gpu/submission.ts";
import { type HistoryLayout, LANES, layOutHistory, USUAL_HISTORY } from "./lbfgs-layout.ts";
import type { CreateOptimizer, Optimizer, OptimizerBuffers, OptimizerCarry } from "./optimizer.ts";

export interface LbfgsOptions {
  /** Factor of every step. */
  readonly learningRate?: number;
  /** Pairs kept, 1 to 255. */
  readonly history?: number;
  /** Steps that will be made at most; history beyond them is not allocated. */
  readonly maxSteps?: number;
  /** Largest change of any value in a first step scaled by a carried inverse Hessian: the picture's own unit. */
  readonly largestChange?: number;
  /** How pairs are stored; f32 when not given. */
  readonly precision?: Precision;
  /** Bytes of a texture of history at most. */
  readonly slabBytes?: number;
}

interface Slab {
  readonly s: GPUTextureView;
  readonly y: GPUTextureView;
  readonly firstSlot: number;
  readonly slots: number;
}

interface Kernels {
  readonly pair: Kernel;
  readonly dots: Kernel;
  readonly direction: Kernel;
  readonly combine: Kernel;
  readonly update: Kernel;
}

/** Half of what Vulkan lets a texture have at least: 100 pairs of 1.6 megapixels in f16. */
const SLAB_BYTES = 2 ** 30;
/** Words of struct Memory in lib/lbfgs_memory.wgsl, and where `gamma` is among them. */
const MEMORY = 5;
const GAMMA = 2;

/**
 * L-BFGS as torch.optim.LBFGS computes it with `max_iter=1`, no line search and tolerances 0 (Nocedal and Wright,
 * algorithm 7.5).
 *
 * Departures, so that a run goes on where torch's would not:
 * - After a step that exploded, the picture goes back and the history is cleared. A tenth of a first step is made from
 *   the gradient there, less each time in a row.
 * - A direction that does not descend is replaced by a first step and clears the history.
 * - At a new scale, the first step is -H g with the carried H. Curvature along one direction tells H, and never
 *   overestimates it (y.s/y.y <= s.s/y.s). The step is cut to `largestChange`, beyond which it would leave the region
 *   that H was measured in.
 */
export function lbfgs(options: LbfgsOptions = {}): CreateOptimizer {
  return (context, arena, buffers, carry) => new Lbfgs(context, arena, buffers, options, carry);
}

class Lbfgs implements Optimizer {
  readonly #context: GpuContext;
  readonly #memory: GPUBuffer;
  readonly #layout: HistoryLayout;
  /** One for each count of groups of slots that may hold pairs, since no grid can change while encoding. */
  readonly #programs: readonly Program[];

  constructor(
    context: GpuContext,
    arena: Arena,
    buffers: OptimizerBuffers,
    options: LbfgsOptions,
    carry: OptimizerCarry | undefined,
  ) {
    if (carry && carry.kind !== "lbfgs") {
      throw new Error(`Expected what L-BFGS carries but received '${carry.kind}'.`);
    }
    const {
      history = USUAL_HISTORY,
      maxSteps = Number.POSITIVE_INFINITY,
      learningRate = 1,
      largestChange = 0.1,
      precision = "f32",
    } = options;
    const { maxTextureDimension2D: side, maxTextureArrayLayers: layers } = context.limits;
    const { slabBytes = SLAB_BYTES } = options;
    const { count } = buffers;
    const layout = layOutHistory({ count, precision, history, maxSteps, slabBytes, side, layers });
    this.#context = context;
    this.#layout = layout;
    const memory = new Float32Array(MEMORY);
    memory[GAMMA] = carry?.inverseHessian ?? 0;
    this.#memory = arena.bufferWith("l-bfgs memory", memory);
    const recorder = new Recorder(context, arena, buffers, layout, precision, this.#memory);
    this.#programs = Array.from({ length: layout.groups }, (_, i) =>
      recorder.record((i + 1) * layout.pairs, { learningRate, largestChange }),
    );
  }

  async ready(): Promise<void> {
    await this.#programs[0]!.ready();
  }

  encode(submission: Submission, step: number, timestamps?: Timestamps): void {
    const candidates = Math.max(1, step); // the candidate itself is the `step`-th
    const group = Math.ceil(candidates / this.#layout.pairs);
    this.#programs[Math.min(group, this.#layout.groups) - 1]!.encode(submission, timestamps);
  }

  async carry(): Promise<OptimizerCarry> {
    const memory = await this.#context.readFloats(this.#memory, GAMMA + 1);
    return { kind: "lbfgs", inverseHessian: memory[GAMMA]! };
  }
}

/** Owns the vectors and records the dispatches of a step over them. */
class Recorder {
  readonly #context: GpuContext;
  readonly #arena: Arena;
  readonly #buffers: OptimizerBuffers;
  readonly #layout: HistoryLayout;
  readonly #kernels: Kernels;
  readonly #slabs: readonly Slab[];
  readonly #memory: GPUBuffer;
  readonly #step: GPUBuffer;
  readonly #gradient: GPUBuffer;
  readonly #difference: GPUBuffer;
  readonly #partials: GPUBuffer;
  readonly #products: GPUBuffer;
  readonly #coefficients: GPUBuffer;

  constructor(
    context: GpuContext,
    arena: Arena,
    buffers: OptimizerBuffers,
    layout: HistoryLayout,
    precision: Precision,
    memory: GPUBuffer,
  ) {
    const { width, height, stride, parts, chunks, pitch, ring, pairs, lanes } = layout;
    const WIDTH = width;
    this.#context = context;
    this.#arena = arena;
    this.#buffers = buffers;
    this.#layout = layout;
    this.#memory = memory;
    this.#kernels = {
      pair: context.kernel("lbfgs_pair", {
        libs: ["state", "linear_index", "lbfgs_memory", `pairs_${precision}`],
        constants: { WIDTH },
      }),
      dots: context.kernel("lbfgs_dots", {
        libs: [`pairs_${precision}`],
        constants: { PAIRS: pairs, WIDTH },
      }),
      direction: context.kernel("lbfgs_direction", {
        libs: ["state", "lbfgs_memory", `pairs_${precision}`],
        constants: { LANES: lanes },
      }),
      combine: context.kernel("lbfgs_combine", {
        libs: ["linear_index", `pairs_${precision}`],
        constants: { WIDTH },
      }),
      update: context.kernel("lbfgs_update", { libs: ["linear_index"] }),
    };
    const history = (label: string, layers: number) =>
      arena.texture(label, width, height, layers, "rgba32uint").createView({ dimension: "2d-array" });
    this.#slabs = layout.slabs.map(({ firstSlot, slots }, i) => ({
      s: history(`l-bfgs steps ${i}`, slots),
      y: history(`l-bfgs differences ${i}`, slots),
      firstSlot,
      slots,
    }));
    this.#step = arena.buffer("l-bfgs step", 16 * parts * stride);
    this.#gradient = arena.buffer("l-bfgs gradient", 16 * parts * stride);
    this.#difference = arena.buffer("l-bfgs difference", 16 * parts * stride);
    this.#partials = arena.buffer("l-bfgs partial sums", 16 * chunks * pitch);
    this.#products = arena.buffer("l-bfgs products", 4 * 2 * ring * ring);
    this.#coefficients = arena.buffer("l-bfgs coefficients", 8 * pitch);
  }

  /** The dispatches of a step at which only the first `slots` slots can hold pairs. */
  record(slots: number, lengths: { learningRate: number; largestChange: number }): Program {
    const program = new Program(this.#context, this.#arena);
    const slabs = this.#slabs.filter(({ firstSlot }) => firstSlot < slots);
    for (const slab of slabs) this.#pair(program, slab);
    for (const slab of slabs) this.#dots(program, slab, slots);
    const { chunks, pitch, ring } = this.#layout;
    program.dispatch(
      this.#kernels.direction,
      {
        state: this.#buffers.state,
        partials: this.#partials,
        memory: this.#memory,
        products: this.#products,
        coefficients: this.#coefficients,
      },
      { chunks, slots, pitch, ring, ...lengths },
      [1, 1, 1],
    );
    for (const slab of slabs) this.#combine(program, slab, slots);
    this.#update(program);
    return program;
  }

  #pair(program: Program, { s, y, firstSlot, slots }: Slab): void {
    const { vectors, texels } = this.#layout;
    const resources = {
      memory: this.#memory,
      state: this.#buffers.state,
      gradient: this.#buffers.gradient,
      step: this.#step,
      before: this.#gradient,
      difference: this.#difference,
      slab_s: s,
      slab_y: y,
    };
    const grid = linearGrid(Math.ceil(texels / LANES));
    program.dispatch(this.#kernels.pair, resources, { vectors, texels, firstSlot, slots }, grid);
  }

  #dots(program: Program, { s, y, firstSlot, slots }: Slab, limit: number): void {
    const { stride, chunkRows, chunks, pitch, pairs } = this.#layout;
    const rows = stride / LANES;
    const resources = {
      slab_s: s,
      slab_y: y,
      difference: this.#difference,
      gradient: this.#gradient,
      partials: this.#partials,
    };
    const groups = Math.min(slots, limit - firstSlot) / pairs;
    const params = { rows, chunkRows, firstSlot, pitch };
    program.dispatch(this.#kernels.dots, resources, params, [chunks, groups, 1]);
  }

  #combine(program: Program, { s, y, firstSlot, slots }: Slab, limit: number): void {
    const { stride, block, pitch } = this.#layout;
    const resources = {
      coefficients: this.#coefficients,
      slab_s: s,
      slab_y: y,
      gradient: this.#gradient,
      step: this.#step,
    };
    program.dispatch(
      this.#kernels.combine,
      resources,
      { stride, firstSlot, slots: Math.min(slots, limit - firstSlot), factor: pitch - 1 },
      linearGrid(stride / (LANES * block)),
    );
  }

  #update(program: Program): void {
    const { vectors, pitch } = this.#layout;
    const { image, previous } = this.#buffers;
    const resources = { coefficients: this.#coefficients, step: this.#step, image, previous };
    const params = { vectors, factor: pitch - 1 };
    program.dispatch(this.#kernels.update, resources, params, linearGrid(Math.ceil(vectors / LANES)));
  }
}
