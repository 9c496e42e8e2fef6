/** Runs an optimiser on the device against a function computed on the host; for the tests. */
import type { Arena } from "../../engine/gpu/arena.ts";
import type { GpuContext } from "../../engine/gpu/context.ts";
import { Submission } from "../../engine/gpu/submission.ts";
import type {
  CreateOptimizer,
  Optimizer,
  OptimizerBuffers,
  OptimizerCarry,
} from "../../engine/optimizers/optimizer.ts";
import type { TestFunction } from "./problems.ts";

/** Values behind the last one of each buffer unless told otherwise, which no shader may touch. */
const SENTINELS = 64;
const SENTINEL = 12345;

export class Harness {
  readonly buffers: OptimizerBuffers;
  readonly optimizer: Optimizer;
  readonly #context: GpuContext;
  readonly #sentinels: number;
  #step = 0;

  constructor(
    context: GpuContext,
    arena: Arena,
    create: CreateOptimizer,
    image: ArrayLike<number>,
    carry?: OptimizerCarry,
    sentinels = SENTINELS,
  ) {
    const values = guarded(image, sentinels);
    this.#context = context;
    this.#sentinels = sentinels;
    this.buffers = {
      count: image.length,
      image: arena.bufferWith("image", values),
      gradient: arena.bufferWith("gradient", values),
      previous: arena.bufferWith("previous", values),
      state: arena.buffer("state", 16),
    };
    this.optimizer = create(context, arena, this.buffers, carry);
  }

  /**
   * One update with this gradient; `restored` as the guard against exploding steps would say it. Returns the new
   * picture.
   */
  async update(gradient: ArrayLike<number>, restored = false): Promise<Float64Array> {
    const { queue } = this.#context.device;
    await this.optimizer.ready();
    queue.writeBuffer(this.buffers.gradient, 0, guarded(gradient, this.#sentinels));
    queue.writeBuffer(this.buffers.state, 0, new Uint32Array([this.#step + 1, restored ? 1 : 0, 0, 0]));
    const submission = new Submission(this.#context.device, "update");
    this.optimizer.encode(submission, this.#step++);
    submission.submit();
    return this.picture(this.buffers.image);
  }

  /** `steps` updates with the same gradient in one submission. */
  async updateTogether(gradient: ArrayLike<number>, steps: number): Promise<void> {
    const { device } = this.#context;
    await this.optimizer.ready();
    device.queue.writeBuffer(this.buffers.gradient, 0, guarded(gradient, this.#sentinels));
    using arena = this.#context.arena("states");
    const counts = Uint32Array.from({ length: 4 * steps }, (_, i) => (i % 4 === 0 ? i / 4 + 1 : 0));
    const states = arena.bufferWith("states", counts);
    const submission = new Submission(device, "updates");
    for (let i = 0; i < steps; i++) {
      submission.encoder.copyBufferToBuffer(states, 16 * i, this.buffers.state, 0, 16);
      this.optimizer.encode(submission, i);
    }
    submission.submit();
    await this.#context.until(device.queue.onSubmittedWorkDone());
  }

  /** Minimises `f` for `steps` steps; returns the loss before each and the last picture. */
  async minimise(f: TestFunction, steps: number) {
    let image = await this.picture(this.buffers.image);
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const { loss, gradient } = f(image);
      losses.push(loss);
      image = await this.update(gradient);
    }
    return { losses, image };
  }

  /** Reads a picture; throws if anything behind its values was written. */
  async picture(buffer: GPUBuffer): Promise<Float64Array> {
    const { count } = this.buffers;
    const values = await this.#context.readFloats(buffer, buffer.size / 4);
    const padded = Math.ceil(count / 4) * 4;
    const intact = values.subarray(count).every((x, i) => x === (count + i < padded ? 0 : SENTINEL));
    if (!intact)
      throw new Error(`Expected values behind the ${count} of '${buffer.label}' to stay as they were.`);
    return Float64Array.from(values.subarray(0, count));
  }
}

/** `values`, zeros up to a multiple of 4, sentinels. */
function guarded(values: ArrayLike<number>, sentinels: number): Float32Array<ArrayBuffer> {
  const padded = Math.ceil(values.length / 4) * 4;
  const result = new Float32Array(padded + sentinels);
  result.set(values);
  result.fill(SENTINEL, padded);
  return result;
}

/** The largest |a - b| / max(|b|, floor) over losses. */
export function relativeError(actual: readonly number[], expected: readonly number[], floor = 1e-30): number {
  return Math.max(
    ...actual.map((a, i) => Math.abs(a - expected[i]!) / Math.max(Math.abs(expected[i]!), floor)),
  );
}

export function distance(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0));
}
