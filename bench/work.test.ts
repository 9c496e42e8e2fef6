import { expect, test } from "vitest";
import { convolutionWork, lbfgsWork, lossWork, stepOperations, sum } from "./work.ts";

test("a step at 512 px takes 378.7 GFLOP of convolutions and 13.7 of style products", () => {
  expect(stepOperations("vgg19", 512) / 1e9).toBeCloseTo(378.7, 1);
  const style = lossWork("vgg19", 512).filter(({ kind }) => kind === "style");
  expect(sum(style.map(({ operations }) => operations)) / 1e9).toBeCloseTo(13.7, 1);
});

test("of the compact networks' layers all but conv1_1 take a quarter and a sixteenth of that", () => {
  const first = 1.81; // conv1_1, both ways
  const rest = stepOperations("vgg19", 512) / 1e9 - first;
  expect(stepOperations("compact", 512) / 1e9).toBeCloseTo(first / 2 + rest / 4, 1);
  expect(stepOperations("compact-small", 512) / 1e9).toBeCloseTo(first / 4 + rest / 16, 1);
});

test("layers reach conv5_1, each block at half the size", () => {
  const layers = convolutionWork("vgg19", 256);
  expect(layers.map(({ name }) => name).at(-1)).toBe("conv5_1");
  expect([...new Set(layers.map(({ side }) => side))]).toEqual([256, 128, 64, 32, 16]);
});

test("L-BFGS reads each history vector twice", () => {
  const values = 3 * 64 ** 2;
  expect(lbfgsWork(64, 10).bytes).toBe(2 * 2 * 10 * values * 4);
});
