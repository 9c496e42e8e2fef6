import { expect, test } from "vitest";
import { fitSize, pyramid } from "./pyramid.ts";

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
