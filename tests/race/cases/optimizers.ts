/** Steps of the optimisers, against the double-precision ones. */
import { expect } from "vitest";
import type { Precision } from "../../../engine/gpu/precision.ts";
import { adam } from "../../../engine/optimizers/adam.ts";
import { type LbfgsOptions, lbfgs } from "../../../engine/optimizers/lbfgs.ts";
import { referenceAdam, referenceLbfgs } from "../../../engine/optimizers/reference.ts";
import { distance, Harness, relativeError } from "../../optimizers/harness.ts";
import { start, type TestFunction, testFunctions } from "../../optimizers/problems.ts";
import { follow, inHalves } from "../../optimizers/references.ts";
import type { RaceContext } from "../context.ts";
import { type Case, precisions } from "./case.ts";

const { quadratic, rosenbrock, wells } = testFunctions;
const rates = { learningRate: 0.02, beta1: 0.9, beta2: 0.999 };

/** Steps, a picture that is restored, and steps again. */
async function adamSteps(context: RaceContext, size: number): Promise<void> {
  using arena = context.arena("test");
  const harness = new Harness(context, arena, adam(rates), start(size), undefined, 0);
  const { image } = await harness.minimise(quadratic, 3);
  expect(distance(image, follow(referenceAdam(rates), quadratic, start(size), 3).image)).toBeLessThan(1e-6);
  const good = await harness.picture(harness.buffers.previous);
  expect(await harness.update(image.fill(Number.NaN), true)).toEqual(good);
  const update = referenceAdam({ ...rates, learningRate: 0.01 });
  const again = await harness.minimise(quadratic, 2);
  expect(distance(again.image, follow(update, quadratic, good, 2).image)).toBeLessThan(1e-6);
}

interface LbfgsCase {
  readonly f: TestFunction;
  readonly size: number;
  readonly steps: number;
  readonly precision: Precision;
  readonly history?: number;
  readonly slabBytes?: number;
}

/**
 * Rounding parts two runs in the end: each sum of products that is a few f32 steps away moves a pair's y.s, and
 * rosenbrock's valley makes ten thousand of it, more so with pairs in f16.
 */
const boundOf = ({ f, precision }: LbfgsCase): number =>
  f === rosenbrock ? (precision === "f16" ? 2e-3 : 3e-4) : 1e-4;

async function lbfgsSteps(context: RaceContext, given: LbfgsCase): Promise<void> {
  const { f, size, steps, precision, history = 100 } = given;
  using arena = context.arena("test");
  const options: LbfgsOptions = {
    precision,
    history,
    ...(given.slabBytes && { slabBytes: given.slabBytes }),
  };
  const harness = new Harness(context, arena, lbfgs(options), start(size), undefined, 0);
  const { losses } = await harness.minimise(f, steps);
  const reference = { learningRate: 1, history, ...(precision === "f16" && { store: inHalves }) };
  const expected = follow(referenceLbfgs(reference), f, start(size), steps);
  expect(relativeError(losses, expected.losses)).toBeLessThan(boundOf(given));
}

/** A picture that is restored clears the history, and a carried inverse Hessian makes the first step. */
async function lbfgsAgain(context: RaceContext): Promise<void> {
  using arena = context.arena("test");
  const carry = { kind: "lbfgs", inverseHessian: 0.125 } as const;
  const from = start(66);
  const { gradient } = quadratic(from);
  const harness = new Harness(context, arena, lbfgs({ learningRate: 0.5, largestChange: 9 }), from, carry, 0);
  const first = await harness.update(gradient);
  expect(
    distance(
      first,
      from.map((x, i) => x - 0.0625 * gradient[i]!),
    ),
  ).toBeLessThan(1e-6);
  const { image } = await harness.minimise(quadratic, 3);
  const good = await harness.picture(harness.buffers.previous);
  const restored = await harness.update(image.fill(Number.NaN), true);
  expect(await harness.picture(harness.buffers.previous)).toEqual(good);
  const sum = quadratic(good).gradient.reduce((total, g) => total + Math.abs(g), 0);
  const expected = quadratic(good).gradient.map((g, i) => good[i]! - (0.05 * g) / Math.max(1, sum));
  expect(distance(restored, expected)).toBeLessThan(1e-6);
}

const VECTOR = 4096;
const lbfgsKernels = ["lbfgs_pair", "lbfgs_dots", "lbfgs_direction", "lbfgs_combine", "lbfgs_update"];

const functions = { quadratic, rosenbrock, wells } as const;

const lbfgsTable: readonly (readonly [keyof typeof functions, number, number, Partial<LbfgsCase>])[] = [
  ["quadratic", 7, 4, {}],
  ["quadratic", 1001, 6, { history: 4 }],
  ["quadratic", 5001, 4, { history: 9 }],
  ["rosenbrock", 130, 9, { history: 3 }],
  ["rosenbrock", 131, 8, { history: 16, slabBytes: 3 * VECTOR }],
  ["wells", 66, 5, {}],
];

export const optimizerCases: readonly Case[] = [
  ...[7, 66, 130].map((size) => ({
    name: `Adam on ${size} values`,
    kernels: ["adam"],
    run: (context: RaceContext) => adamSteps(context, size),
  })),
  ...precisions.flatMap((precision) =>
    lbfgsTable.map(([name, size, steps, more]) => ({
      name: `L-BFGS on ${name} of ${size} values, ${JSON.stringify(more)}, pairs in ${precision}`,
      kernels: lbfgsKernels,
      run: (context: RaceContext) =>
        lbfgsSteps(context, { f: functions[name], size, steps, precision, ...more }),
    })),
  ),
  { name: "L-BFGS that goes on from elsewhere", kernels: lbfgsKernels, run: lbfgsAgain },
];
