import { expect, test } from "vitest";
import { convolutionWork, lbfgsWork, lossWork, stepOperations, sum } from "./work.ts";

test("a step at 512 px takes 378.7 GFLOP of convolutions and 13.7 of style products", () => {
  expect(stepOperations(512) / 1e9).toBeCloseTo(378.7, 1);
  const style = lossWork(512).filter(({ kind }) => kind === "style");
  expect(sum(style.map(({ operations }) => operations)) / 1e9).toBeCloseTo(13.7, 1);
});

test("layers reach conv5_1, each block at half the size", () => {
  const layers = convolutionWork(256);
  expect(layers.map(({ name }) => name).at(-1)).toBe("conv5_1");
  expect([...new Set(layers.map(({ side }) => side))]).toEqual([256, 128, 64, 32, 16]);
});

test("L-BFGS reads each history vector twice", () => {
  const values = 3 * 64 ** 2;
  expect(lbfgsWork(64, 10).bytes).toBe(2 * 2 * 10 * values * 4);
});
