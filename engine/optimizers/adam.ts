/** Adam on the device, in one dispatch a step. */
import type { Arena } from "../gpu/arena.ts";
import type { GpuContext } from "../gpu/context.ts";
import { linearGrid, Program, type Timestamps } from "../gpu/program.ts";
import type { Submission } from "../gpu/submission.ts";
import type { CreateOptimizer, Optimizer, OptimizerBuffers, OptimizerCarry } from "./optimizer.ts";

export interface AdamOptions {
  /** Largest change of a value in one step, about: the picture's own unit. */
  readonly learningRate: number;
  /** Decay of the first moment, in [0, 1). */
  readonly beta1?: number;
  /** Decay of the second moment, in [0, 1). */
  readonly beta2?: number;
  /** Added to the root of the second moment: the gradient's own unit. */
  readonly epsilon?: number;
}

const LANES = 64;
/** Bytes of struct Record in adam.wgsl. */
const RECORD = 16;

/**
 * Adam as torch.optim.Adam computes it (Kingma and Ba 2015), without weight decay.
 *
 * After a step that exploded it departs from that: the picture goes back, the moments are cleared and the learning rate
 * is halved.
 */
export function adam(options: AdamOptions): CreateOptimizer {
  return (context, arena, buffers, carry) => new Adam(context, arena, buffers, options, carry);
}

class Adam implements Optimizer {
  readonly #context: GpuContext;
  readonly #buffers: OptimizerBuffers;
  readonly #program: Program;
  readonly #first: GPUBuffer;
  readonly #second: GPUBuffer;
  readonly #records: GPUBuffer;
  /** Evaluations at this scale that an update followed. */
  #updated = 0;

  constructor(
    context: GpuContext,
    arena: Arena,
    buffers: OptimizerBuffers,
    options: AdamOptions,
    carry: OptimizerCarry | undefined,
  ) {
    const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
    const { count, image, gradient, previous, state } = buffers;
    const moments = adamCarry(count, carry);
    this.#context = context;
    this.#buffers = buffers;
    this.#first = momentBuffer(arena, "first moment", count, moments?.first);
    this.#second = momentBuffer(arena, "second moment", count, moments?.second);
    this.#records = arena.bufferWith("adam records", initialRecords(moments, beta1, beta2));
    const vectors = Math.ceil(count / 4);
    this.#program = new Program(context, arena);
    this.#program.dispatch(
      context.kernel("adam", { libs: ["state", "linear_index"] }),
      { state, gradient, image, previous, first: this.#first, second: this.#second, records: this.#records },
      { vectors, learningRate, complement1: 1 - beta1, complement2: 1 - beta2, epsilon },
      linearGrid(Math.ceil(vectors / LANES)),
    );
  }

  ready(): Promise<void> {
    return this.#program.ready();
  }

  encode(submission: Submission, step: number, timestamps?: Timestamps): void {
    this.#updated = step + 1;
    this.#program.encode(submission, timestamps);
  }

  async carry(): Promise<OptimizerCarry> {
    const { count, state } = this.#buffers;
    const [evaluations, restored] = new Uint32Array(await this.#context.read(state, 8));
    const bytes = await this.#context.read(this.#records, 2 * RECORD);
    const at = (this.#updated & 1) * RECORD;
    const [, , rate] = new Float32Array(bytes, at, 3);
    const [steps] = new Uint32Array(bytes, at + 12, 1);
    if (evaluations! > this.#updated && restored) {
      // The picture that the last update made exploded: what the next one would make of that.
      const zeros = new Float32Array(count);
      return { kind: "adam", first: zeros, second: zeros, steps: 0, rate: 0.5 * rate! };
    }
    const first = await this.#context.readFloats(this.#first, count);
    const second = await this.#context.readFloats(this.#second, count);
    return { kind: "adam", first, second, steps: steps!, rate: rate! };
  }
}

type AdamCarry = Extract<OptimizerCarry, { readonly kind: "adam" }>;

function adamCarry(count: number, carry: OptimizerCarry | undefined): AdamCarry | undefined {
  if (!carry) return undefined;
  if (carry.kind !== "adam") throw new Error(`Expected what Adam carries but received '${carry.kind}'.`);
  if (carry.first.length !== count || carry.second.length !== count) {
    throw new Error(
      `Expected moments of ${count} values but received ${carry.first.length} and ${carry.second.length}.`,
    );
  }
  return carry;
}

function momentBuffer(arena: Arena, label: string, count: number, values?: Float32Array): GPUBuffer {
  return values ? arena.bufferWith(label, values) : arena.buffer(label, 4 * count);
}

/** Two equal records, whichever the first step reads. */
function initialRecords(carry: AdamCarry | undefined, beta1: number, beta2: number): Uint32Array {
  const { steps, rate } = carry ?? { steps: 0, rate: 1 };
  const floats = new Float32Array([1 - beta1 ** steps, 1 - beta2 ** steps, rate]);
  const record = [...new Uint32Array(floats.buffer), steps];
  return Uint32Array.from([...record, ...record]);
}
