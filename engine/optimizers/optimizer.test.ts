import { expect, test } from "vitest";
import { seededPicture } from "../../tests/seeded-network.ts";
import { carryTo } from "./optimizer.ts";

const [from, to] = [
  { width: 20, height: 14 },
  { width: 28, height: 20 },
];
const ratio = (28 * 20) / (20 * 14);

test("L-BFGS's inverse Hessian grows with the pixels", () => {
  const carry = carryTo({ kind: "lbfgs", inverseHessian: 3 }, from, to);
  expect(carry).toEqual({ kind: "lbfgs", inverseHessian: 3 * ratio });
});

test("Adam's moments shrink with the pixels and their square, its steps and rate stay", () => {
  const constant = (value: number) => new Float32Array(3 * from.width * from.height).fill(value);
  const carry = { kind: "adam", first: constant(2), second: constant(4), steps: 7, rate: 0.25 } as const;
  const next = carryTo(carry, from, to);
  if (next.kind !== "adam") throw new Error("Expected what Adam carries.");
  expect([next.first.length, next.second.length]).toEqual([3 * 28 * 20, 3 * 28 * 20]);
  for (const value of next.first) expect(value).toBeCloseTo(2 / ratio, 5);
  for (const value of next.second) expect(value).toBeCloseTo(4 / ratio ** 2, 5);
  expect([next.steps, next.rate]).toEqual([7, 0.25]);
});

test("a second moment stays above 0 where the first is not, next to the largest", () => {
  const { data } = seededPicture(1, from.height, from.width);
  const second = data.map((value, i) => (i % 11 === 0 ? 1000 : 1e-6 * (1 + value)));
  const carry = carryTo({ kind: "adam", first: data, second, steps: 1, rate: 1 }, from, to);
  if (carry.kind !== "adam") throw new Error("Expected what Adam carries.");
  expect(Math.min(...carry.second)).toBeGreaterThan(1e-7 / ratio ** 2);
});
