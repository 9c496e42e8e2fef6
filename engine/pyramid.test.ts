import { expect, test } from "vitest";
import { parseSettings } from "./options.ts";
import { fitSize, planScales, pyramid } from "./pyramid.ts";

const long = (sizes: readonly { width: number; height: number }[]) =>
  sizes.map(({ width, height }) => Math.max(width, height));

test("grows by the square root of two up to the size", () => {
  expect(long(pyramid({ width: 600, height: 400 }, 512, 181))).toEqual([181, 256, 362, 512]);
  expect(long(pyramid({ width: 400, height: 600 }, 362, 256))).toEqual([256, 362]);
  expect(long(pyramid({ width: 400, height: 600 }, 320, 181))).toEqual([226, 320]);
});

test("has one scale when the least size is the size", () => {
  expect(pyramid({ width: 600, height: 400 }, 300, 300)).toEqual([{ width: 300, height: 200 }]);
});

test("leaves out scales that are too narrow for the network", () => {
  expect(pyramid({ width: 800, height: 200 }, 256, 64)).toEqual([
    { width: 128, height: 32 },
    { width: 181, height: 45 },
    { width: 256, height: 64 },
  ]);
  expect(() => pyramid({ width: 800, height: 100 }, 128, 128)).toThrow(
    /at least 32 pixels a side but 800x100 becomes 128x16/,
  );
});

test("keeps the proportions", () => {
  expect(fitSize({ width: 1000, height: 333 }, 500)).toEqual({ width: 500, height: 167 });
  expect(fitSize({ width: 3, height: 3000 }, 100)).toEqual({ width: 1, height: 100 });
});

test("gives smaller scales half the steps, or as many as are asked for", () => {
  const steps = (asked: object) =>
    planScales({ width: 600, height: 400 }, parseSettings({ size: 256, ...asked })).map(
      (scale) => scale.steps,
    );
  expect(steps({})).toEqual([30, 30, 60]);
  expect(steps({ steps: 7 })).toEqual([4, 4, 7]);
  expect(steps({ steps: 7, scaleSteps: 9, minSize: 181 })).toEqual([9, 7]);
});
