import { describe, expect, it } from "vitest";
import { onWhite, withSpreadColours } from "./opacity.ts";
import type { Picture } from "./picture.ts";

const opaque: Picture = { width: 2, height: 1, data: Float32Array.of(0.2, 0.4, 0, 1, 0.6, 0.5) };

describe("onWhite", () => {
  it("leaves an opaque picture as it is", () => {
    expect(onWhite(opaque)).toBe(opaque);
  });

  it("mixes colours with white by their opacity", () => {
    const { data, opacity } = onWhite({ ...opaque, opacity: Float32Array.of(0.5, 0) });
    const expected = [0.6, 1, 0.5, 1, 0.8, 1];
    for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 6);
    expect(opacity).toBeUndefined();
  });
});

describe("withSpreadColours", () => {
  /** Seen are the pixels for which `isSeen` says so; the others are of a colour that must go. */
  const patchy = (width: number, height: number, isSeen: (x: number, y: number) => boolean): Picture => {
    const opacity = Float32Array.from({ length: width * height }, (_, i) =>
      isSeen(i % width, Math.floor(i / width)) ? 0.5 : 0,
    );
    const data = Float32Array.from({ length: 3 * width * height }, (_, i) =>
      opacity[i % (width * height)]! > 0 ? 0.25 + 0.5 * ((i % width) / width) : 7,
    );
    return { width, height, data, opacity };
  };

  it("leaves a picture as it is in which nothing is hidden", () => {
    expect(withSpreadColours(opaque)).toBe(opaque);
    const seen = patchy(5, 4, () => true);
    expect(withSpreadColours(seen)).toBe(seen);
  });

  it.each([
    [37, 21],
    [64, 1],
    [1, 50],
    [16, 16],
  ])("keeps what is seen and replaces the rest by what is near, in %i x %i", (width, height) => {
    const input = patchy(width, height, (x, y) => (x + y) % 7 === 0);
    const { data, opacity } = withSpreadColours(input);
    expect(opacity).toBe(input.opacity);
    for (const [i, value] of data.entries()) {
      if (opacity![i % opacity!.length]! > 0) expect(value).toBe(input.data[i]);
      else expect(value).toBeGreaterThanOrEqual(0.25);
      expect(value).toBeLessThanOrEqual(0.75);
    }
  });

  it("takes the nearer colour rather than the farther", () => {
    const { data } = withSpreadColours(patchy(64, 8, (x) => x < 8 || x >= 56));
    const row = Array.from(data.subarray(0, 64));
    expect(row[12]).toBeLessThan(0.4);
    expect(row[52]).toBeGreaterThan(0.6);
  });

  it("gives a picture that is transparent all over one grey", () => {
    const { data } = withSpreadColours(patchy(9, 5, () => false));
    expect(new Set(data)).toEqual(new Set([0.5]));
  });
});
