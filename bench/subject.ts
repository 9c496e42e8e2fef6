/** The engine's own objects at one size, put together as `stylize` does, and its own loop over them. */
import type { Arena } from "../engine/gpu/arena.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { pairPrecision } from "../engine/gpu/precision.ts";
import {
  contentTargets,
  lossLayers,
  type Objective,
  recordObjective,
  styleTargets,
  type Targets,
} from "../engine/losses/objective.ts";
import type { RecordedLosses } from "../engine/losses/record.ts";
import type { Model } from "../engine/model.ts";
import { adam } from "../engine/optimizers/adam.ts";
import { lbfgs } from "../engine/optimizers/lbfgs.ts";
import type { CreateOptimizer, Optimizer } from "../engine/optimizers/optimizer.ts";
import { runScale } from "../engine/scale.ts";
import { type Pictures, terms } from "./problem.ts";
import type { MeasureRequest } from "./report.ts";

export interface Subject {
  readonly context: GpuContext;
  readonly arena: Arena;
  readonly pictures: Pictures;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
}

export interface SubjectTargets {
  readonly style: Targets;
  readonly content: Targets;
}

export async function targetsOf(
  context: GpuContext,
  model: Model,
  { content, style }: Pictures,
): Promise<SubjectTargets> {
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
  targets: SubjectTargets,
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
