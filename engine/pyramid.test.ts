import { expect, test } from "vitest";
import { parseSettings, type SettingsInput } from "./options.ts";
import { fitSize, planScales, pyramid, sizedFor } from "./pyramid.ts";

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

const sized = (width: number, height: number, asked: SettingsInput = {}) => {
  const { size, minSize } = sizedFor({ width, height }, parseSettings(asked));
  return [size, minSize];
};

test("enlarges no content unless a size asks for it", () => {
  expect(sized(4000, 3000)).toEqual([512, 128]);
  expect(sized(200, 300)).toEqual([300, 128]);
  expect(sized(40, 33)).toEqual([40, 40]);
  expect(sized(200, 300, { size: 512 })).toEqual([512, 128]);
  expect(long(planScales({ width: 40, height: 33 }, parseSettings({})))).toEqual([40]);
});

test("takes the content's own size by that word", () => {
  expect(sized(4000, 3000, { size: "content" })).toEqual([4000, 128]);
  expect(sized(100, 60, { size: "content" })).toEqual([100, 100]);
  expect(() => sized(16_385, 60, { size: "content" })).toThrow(
    "Expected a content of at most 16384 pixels a side for the size 'content' but received 16385x60.",
  );
});

test("gives a thin content the least size that the network takes", () => {
  expect(sized(1000, 40)).toEqual([800, 128]);
  expect(planScales({ width: 1000, height: 33 }, parseSettings({})).at(-1)).toMatchObject({
    width: 970,
    height: 32,
  });
});
