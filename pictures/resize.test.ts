import { describe, expect, it } from "vitest";
import { atMost, longSide } from "./resize.ts";

const blank = (width: number, height: number) => ({
  width,
  height,
  data: new Float32Array(3 * width * height),
});

describe("longSide", () => {
  it.each([
    [400, 300, 100, 100, 75],
    [300, 400, 100, 75, 100],
    [50, 50, 64, 64, 64],
    [101, 67, 64, 64, 42],
  ])("makes %i x %i fit %i pixels", (width, height, n, toWidth, toHeight) => {
    const result = longSide(blank(width, height), n);
    expect([result.width, result.height]).toEqual([toWidth, toHeight]);
    expect(result.data).toHaveLength(3 * toWidth * toHeight);
  });

  it("says what size would do when the short side would be too small", () => {
    const panorama = blank(2000, 100);
    expect(() => longSide(panorama, 512, "panorama.jpg")).toThrow(
      expect.objectContaining({
        code: "bad-option",
        message:
          "Expected a size of at least 640 pixels, which makes the short side of 'panorama.jpg' " +
          "(2000x100) 32 pixels, but received 512.",
      }),
    );
    expect(longSide(panorama, 640)).toMatchObject({ width: 640, height: 32 });
  });
});

describe("atMost", () => {
  it("shrinks a larger picture", () => {
    expect(atMost(blank(400, 300), 100)).toMatchObject({ width: 100, height: 75 });
  });

  it.each([
    ["small enough", blank(90, 70)],
    ["too thin to shrink", blank(400, 40)],
  ])("leaves a picture that is %s", (_, picture) => {
    expect(atMost(picture, 100)).toBe(picture);
  });
});
