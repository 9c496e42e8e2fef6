import { describe, expect, it } from "vitest";
import type { Picture } from "./picture.ts";
import { resample } from "./resample.ts";

function picture(width: number, height: number, value: (x: number, y: number, c: number) => number): Picture {
  const data = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) data[(c * height + y) * width + x] = value(x, y, c);
    }
  }
  return { width, height, data };
}

/** Any repeatable values, in [0,1). */
const noise = (x: number, y: number, c: number) => (((x * 73 + y * 151 + c * 199) * 7919) % 1009) / 1009;

/** The definition, in two dimensions at once: every input pixel weighted for every output pixel. */
function reference(input: Picture, width: number, height: number): Picture {
  const kernel = (x: number) => {
    const t = Math.abs(x);
    if (t < 1) return 1.5 * t ** 3 - 2.5 * t ** 2 + 1;
    return t < 2 ? -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2 : 0;
  };
  const weightsOf = (inputs: number, outputs: number, o: number) => {
    const ratio = inputs / outputs;
    const raw = Array.from({ length: inputs }, (_, i) =>
      kernel((i + 0.5 - (o + 0.5) * ratio) / Math.max(1, ratio)),
    );
    const sum = raw.reduce((a, b) => a + b);
    return raw.map((weight) => weight / sum);
  };
  const wx = Array.from({ length: width }, (_, o) => weightsOf(input.width, width, o));
  const wy = Array.from({ length: height }, (_, o) => weightsOf(input.height, height, o));
  return picture(width, height, (x, y, c) => {
    let sum = 0;
    for (let j = 0; j < input.height; j++) {
      for (let i = 0; i < input.width; i++) {
        sum += wx[x]![i]! * wy[y]![j]! * input.data[(c * input.height + j) * input.width + i]!;
      }
    }
    return sum;
  });
}

function largestDifference(a: Picture, b: Picture): number {
  expect([a.width, a.height, a.data.length]).toEqual([b.width, b.height, b.data.length]);
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
}

const sizes: [number, number, number, number][] = [
  [17, 13, 7, 5],
  [7, 5, 17, 13],
  [9, 31, 20, 3],
  [40, 3, 3, 40],
  [1, 1, 5, 4],
  [6, 4, 1, 1],
  [2, 11, 3, 11],
];

describe("resample", () => {
  it.each(sizes)("matches the definition from %i x %i to %i x %i", (w, h, width, height) => {
    const input = picture(w, h, noise);
    expect(largestDifference(resample(input, width, height), reference(input, width, height))).toBeLessThan(
      1e-6,
    );
  });

  it.each(sizes)("keeps a constant from %i x %i to %i x %i", (w, h, width, height) => {
    const constant = (_x: number, _y: number, c: number) => 0.2 + 0.3 * c;
    const result = resample(picture(w, h, constant), width, height);
    expect(largestDifference(result, picture(width, height, constant))).toBeLessThan(1e-6);
  });

  it("returns a picture that has the size already unchanged", () => {
    const input = picture(6, 5, noise);
    expect(resample(input, 6, 5)).toBe(input);
  });

  it.each([
    [24, 60],
    [60, 24],
    [48, 16],
  ])("keeps a linear ramp away from the edges, %i to %i pixels", (from, to) => {
    const ramp = (length: number) => (x: number) => (x + 0.5) / length;
    const { data } = resample(picture(from, 1, ramp(from)), to, 1);
    const margin = Math.ceil(2 * Math.max(1, to / from));
    // A kernel stretched by 2.5 is sampled too sparsely to be exact.
    const digits = Number.isInteger(from / to) || to > from ? 6 : 2;
    for (let x = margin; x < to - margin; x++) expect(data[x]).toBeCloseTo(ramp(to)(x), digits);
  });

  it("averages what is too fine for the smaller size instead of picking pixels", () => {
    const checkerboard = picture(64, 64, (x, y) => (x + y) % 2);
    const { data } = resample(checkerboard, 16, 16);
    const inner = Array.from({ length: 12 }, (_, i) => data[(i + 2) * 16 + i + 2]!);
    for (const value of inner) expect(Math.abs(value - 0.5)).toBeLessThan(1e-3);
  });

  it("keeps the mean", () => {
    const mean = ({ data }: Picture) => data.reduce((a, b) => a + b) / data.length;
    const input = picture(90, 70, (x, y, c) => noise(x >> 3, y >> 3, c));
    expect(Math.abs(mean(resample(input, 31, 24)) - mean(input))).toBeLessThan(0.01);
  });

  it("does not clip", () => {
    const step = resample(
      picture(8, 1, (x) => (x < 4 ? -2 : 3)),
      32,
      1,
    );
    expect(Math.min(...step.data)).toBeLessThan(-2);
    expect(Math.max(...step.data)).toBeGreaterThan(3);
  });

  it("does not change its input", () => {
    const input = picture(8, 6, noise);
    const before = input.data.slice();
    resample(input, 5, 9);
    expect(input.data).toEqual(before);
  });
});

describe("resample with opacity", () => {
  /** A disc of one colour; all around it transparent, in a colour that must not be seen. */
  const disc = (size: number, seen: number[], hidden: number[]): Picture => {
    const isInside = (x: number, y: number) => Math.hypot(x + 0.5 - size / 2, y + 0.5 - size / 2) < size / 3;
    const { data } = picture(size, size, (x, y, c) => (isInside(x, y) ? seen : hidden)[c]!);
    const opacity = picture(size, size, (x, y) => Number(isInside(x, y))).data.subarray(0, size * size);
    return { width: size, height: size, data, opacity };
  };

  it.each([
    [64, 40],
    [64, 16],
    [64, 33],
    [48, 112],
  ])("lets nothing of hidden colours in from %i to %i pixels", (from, to) => {
    const seen = [0.8, 0.3, 0.1];
    const { data, opacity } = resample(disc(from, seen, [0, 1, 0]), to, to);
    for (let i = 0; i < data.length; i++) expect(data[i]).toBeCloseTo(seen[Math.floor(i / to ** 2)]!, 4);
    expect(Math.min(...opacity!)).toBe(0);
    expect(Math.max(...opacity!)).toBe(1);
  });

  it("does what it does without, where all is equally opaque", () => {
    const opaque = picture(31, 23, noise);
    for (const value of [1, 0.5, 1 / 255]) {
      const input = { ...opaque, opacity: new Float32Array(31 * 23).fill(value) };
      const result = resample(input, 20, 40);
      expect(largestDifference(result, resample(opaque, 20, 40))).toBeLessThan(1e-5);
      for (const opacity of result.opacity!) expect(opacity).toBeCloseTo(value, 6);
    }
  });

  it("weighs colours by their opacity", () => {
    const halves = picture(2, 1, (x) => x);
    const { data } = resample({ ...halves, opacity: Float32Array.of(0.75, 0.25) }, 1, 1);
    expect(data[0]).toBeCloseTo(0.25, 6);
  });

  it("stays near the colours that are seen, whatever lies beside them", () => {
    const input = picture(60, 60, (x, y, c) => (opacityAt(x, y) > 0 ? 0.3 + 0.4 * noise(x, y, c) : 9));
    const opacity = Float32Array.from({ length: 3600 }, (_, i) => opacityAt(i % 60, Math.floor(i / 60)));
    for (const size of [25, 37, 90, 150]) {
      const { data } = resample({ ...input, opacity }, size, size);
      expect(Math.min(...data)).toBeGreaterThan(0);
      expect(Math.max(...data)).toBeLessThan(1);
    }
  });

  /** Blots of any opacity, many of them of none. */
  const opacityAt = (x: number, y: number) => Math.max(0, 2 * noise(x >> 2, y >> 2, 5) - 1);
});
