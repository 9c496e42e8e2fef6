/** Gives L-BFGS a full history without a full run. */
import type { Arena } from "../engine/gpu/arena.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { Program } from "../engine/gpu/program.ts";
import type { Objective } from "../engine/losses/objective.ts";
import { createRing, recordLosses, STATE_BYTES } from "../engine/losses/record.ts";
import { recordTotalVariation } from "../engine/losses/total-variation.ts";
import { LOSS_PARTIALS } from "../engine/ops/index.ts";
import type { Optimizer } from "../engine/optimizers/optimizer.ts";
import type { Picture } from "../engine/picture.ts";

/** Much curvature makes what is remembered of it a small inverse Hessian, so that the first real steps stay small. */
const WEIGHT = 1000;

/** Steps between waits, so that the queue stays short. */
const BATCH = 10;

/**
 * Makes `steps` updates that minimise the total variation alone, a quadratic whose evaluation costs next to nothing,
 * then puts `start` and a fresh state back. The optimiser has made `stepsBefore` updates before.
 */
export async function fillHistory(
  context: GpuContext,
  objective: Objective,
  optimizer: Optimizer,
  start: Picture,
  stepsBefore: number,
  steps: number,
): Promise<void> {
  using arena = context.arena("history");
  const { queue } = context.device;
  const reset = () => resetObjective(context, objective, start);
  const program = recordSmoothing(context, arena, objective, start);
  await program.ready();
  reset();
  for (let step = 0; step < steps; step++) {
    const encoder = context.device.createCommandEncoder({ label: `history ${step}` });
    program.encode(encoder);
    optimizer.encode(encoder, stepsBefore + step);
    queue.submit([encoder.finish()]);
    if (step % BATCH === BATCH - 1) await context.until(queue.onSubmittedWorkDone());
  }
  reset();
  await context.until(queue.onSubmittedWorkDone());
}

/** Puts the picture and the state back to the beginning. */
export function resetObjective({ device }: GpuContext, { image, state }: Objective, start: Picture): void {
  device.queue.writeBuffer(image, 0, start.data as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(state, 0, new Uint8Array(STATE_BYTES));
}

function recordSmoothing(context: GpuContext, arena: Arena, objective: Objective, start: Picture): Program {
  const { image, gradient, state } = objective;
  const { height, width } = start;
  const program = new Program(context, arena);
  const partials = arena.buffer("loss partials", 4 * LOSS_PARTIALS);
  program.copyBuffer(arena.buffer("zeros", gradient.size), 0, gradient, 0, gradient.size);
  recordTotalVariation(context, program, {
    image,
    gradient,
    partials,
    term: 0,
    height,
    width,
    weight: WEIGHT,
  });
  recordLosses(context, program, { partials, terms: 1, ring: createRing(arena), state });
  return program;
}
