/** Losses and image gradients that PyTorch stored (fixtures/oracle.py), and the engine's compared with them. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Arena } from "../engine/gpu/arena.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import {
  contentTargets,
  lossLayers,
  type Objective,
  recordObjective,
  styleTargets,
  termsOf,
} from "../engine/losses/objective.ts";
import { parseRecord } from "../engine/losses/record.ts";
import type { Model } from "../engine/model.ts";
import type { Pooling } from "../engine/network/types.ts";
import type { Picture } from "../engine/picture.ts";
import { lossWeights, seededPicture } from "./seeded-network.ts";

/** A part of a file of float32, counted in floats. */
export interface Stored {
  readonly offset: number;
  readonly count: number;
}

export interface ObjectiveCase {
  readonly height: number;
  readonly width: number;
  readonly pooling: Pooling;
  readonly startSeed: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly loss: number;
  readonly gradient: Stored;
}

export const terms = termsOf(lossWeights);

/** Reads parts of a file of float32. */
export function storedFloats(path: string | URL): (part: Stored) => Float32Array {
  const floats = new Float32Array(new Uint8Array(readFileSync(path)).buffer);
  return ({ offset, count }) => floats.subarray(offset, offset + count);
}

export function relativeL2(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

export function startOf({ startSeed, height, width }: ObjectiveCase): Picture {
  return seededPicture(startSeed, height, width);
}

/** What the case minimises, at its start picture, with the case's pooling. */
export async function objectiveOf(
  context: GpuContext,
  arena: Arena,
  loaded: Model,
  expected: ObjectiveCase,
): Promise<Objective> {
  const { height, width, pooling } = expected;
  const model = { ...loaded, pooling };
  const content = seededPicture(1, height, width);
  const style = seededPicture(11, height, width);
  const targets = {
    style: await styleTargets(context, model, [style], lossLayers(terms, "style")),
    content: await contentTargets(context, model, content, lossLayers(terms, "content")),
  };
  return context.guarded(() => recordObjective(context, arena, model, startOf(expected), terms, targets));
}

/** How far the engine may be from PyTorch: relative errors of losses, of the gradient as a whole. */
export interface Tolerances {
  readonly losses: number;
  readonly gradient: number;
}

export const f32Tolerances: Tolerances = { losses: 1e-5, gradient: 1e-4 };

/** gradient: PyTorch's, [3][height][width]. */
export async function expectLossesAndGradient(
  context: GpuContext,
  model: Model,
  expected: ObjectiveCase,
  gradient: Float32Array,
  tolerances = f32Tolerances,
): Promise<void> {
  using arena = context.arena("test");
  const objective = await objectiveOf(context, arena, model, expected);
  await objective.program.run();
  const { ring } = objective;
  const losses = parseRecord(await context.readFloats(ring, ring.size / 4), 0, terms.length);
  const names = ["relu4_2 content", ...Object.keys(lossWeights.styleLayers), "tv"];
  for (const [i, name] of names.entries()) {
    expect(Math.abs(losses.terms[i]! / expected.terms[name]! - 1), name).toBeLessThan(tolerances.losses);
  }
  expect(Math.abs(losses.total / expected.loss - 1)).toBeLessThan(tolerances.losses);
  const values = await context.readFloats(objective.gradient, gradient.length);
  expect(gradient).toHaveLength(3 * expected.height * expected.width);
  expect(relativeL2(values, gradient)).toBeLessThan(tolerances.gradient);
}
