/** The engine's own objects at one size, put together as `stylize` does, and its own loop over them. */
import type { Arena } from "../engine/gpu/arena.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { pairPrecision } from "../engine/gpu/precision.ts";
import { Program } from "../engine/gpu/program.ts";
import { Submission } from "../engine/gpu/submission.ts";
import {
  contentTargets,
  lossLayers,
  type Objective,
  recordObjective,
  styleTargets,
  type Term,
} from "../engine/losses/objective.ts";
import { createRing, type RecordedLosses, recordLosses, STATE_BYTES } from "../engine/losses/record.ts";
import { recordTotalVariation } from "../engine/losses/total-variation.ts";
import type { Model } from "../engine/model.ts";
import { LOSS_PARTIALS } from "../engine/ops/family.ts";
import { adam } from "../engine/optimizers/adam.ts";
import { lbfgs } from "../engine/optimizers/lbfgs.ts";
import type { CreateOptimizer, Optimizer } from "../engine/optimizers/optimizer.ts";
import type { Picture } from "../engine/picture.ts";
import { runScale } from "../engine/scale.ts";
import type { MeasureRequest } from "./report.ts";
import { type Pictures, terms } from "./task.ts";

export interface Subject {
  readonly context: GpuContext;
  readonly arena: Arena;
  readonly pictures: Pictures;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
}

export async function targetsOf(
  context: GpuContext,
  model: Model,
  { content, style }: Pictures,
  terms: readonly Term[],
) {
  return {
    style: await styleTargets(context, model, [style], lossLayers(terms, "style")),
    content: await contentTargets(context, model, content, lossLayers(terms, "content")),
  };
}

/** L-BFGS gets the memory of a run that is long enough to fill its history. */
export function recordSubject(
  context: GpuContext,
  arena: Arena,
  model: Model,
  pictures: Pictures,
  targets: Awaited<ReturnType<typeof targetsOf>>,
  request: OptimizerRequest,
): Subject {
  const { start } = pictures;
  const objective = recordObjective(context, arena, model, start, terms, targets);
  const previous = arena.bufferWith("previous picture", start.data);
  const { image, gradient, state } = objective;
  const create = optimizerOf(request);
  const problem = { count: start.data.length, image, gradient, previous, state };
  return { context, arena, pictures, objective, optimizer: create(context, arena, problem) };
}

type OptimizerRequest = Pick<MeasureRequest, "optimizer" | "history" | "precision">;

export function optimizerOf({ optimizer, history, precision }: OptimizerRequest): CreateOptimizer {
  if (optimizer === "adam") return adam({ learningRate: 0.02 });
  return lbfgs({ learningRate: 1, history, precision: pairPrecision(precision) });
}

export interface FinishedStep {
  readonly losses: RecordedLosses;
  /** When the host had its losses: `performance.now()`. */
  readonly at: number;
}

/** Runs `steps` steps with `optimizer` through the engine's loop. */
export async function runSteps(
  { context, arena, pictures, objective }: Subject,
  optimizer: Optimizer,
  steps: number,
): Promise<FinishedStep[]> {
  const finished: FinishedStep[] = [];
  await runScale({
    context,
    arena,
    size: pictures.start,
    objective,
    optimizer,
    steps,
    signal: undefined,
    onStep: (_, losses) => {
      finished.push({ losses, at: performance.now() });
    },
    keep: () => {},
  });
  return finished;
}

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
    const submission = new Submission(context.device, `history ${step}`);
    program.encode(submission);
    optimizer.encode(submission, stepsBefore + step);
    submission.submit();
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
