import { describe, expect, test } from "vitest";
import { effectiveSize, isSpare, longSideOf, resultSize } from "./sizes.ts";

const photo = { width: 4032, height: 3024 };
const snap = { width: 480, height: 640 };

describe("longSideOf", () => {
  test.each([
    [photo, "small", 1536, 512],
    [photo, "medium", 1536, 768],
    [photo, "large", 1536, 1536],
    [photo, "medium", 512, 512],
    [snap, "small", 1536, 512],
    [snap, "medium", 1536, 640],
    [snap, "large", 1536, 640],
    // 32 pixels at the short side, as the worker makes of it
    [{ width: 4000, height: 160 }, "small", 1536, 800],
  ] as const)("of %o, %s, at most %d", (picture, name, max, long) => {
    expect(longSideOf(picture, name, max)).toBe(long);
  });
});

test("resultSize keeps the shape", () => {
  expect(resultSize(photo, "medium", 1536)).toEqual({ width: 768, height: 576 });
  expect(resultSize(snap, "large", 1536)).toEqual(snap);
});

describe("a size that gives no more than a smaller one", () => {
  test("is spare", () => {
    expect(["small", "medium", "large"].map((name) => isSpare(snap, name as "small", 1536))).toEqual([
      false,
      false,
      true,
    ]);
    expect(isSpare(photo, "medium", 512)).toBe(true);
  });
  test("stands for the smaller one", () => {
    expect(effectiveSize(snap, "large", 1536)).toBe("medium");
    expect(effectiveSize(photo, "large", 512)).toBe("small");
    expect(effectiveSize(photo, "large", 1536)).toBe("large");
    expect(effectiveSize(undefined, "large", 512)).toBe("large");
  });
});
