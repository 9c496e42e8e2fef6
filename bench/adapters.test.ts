import { expect, test } from "vitest";
import { floorMs, peaksOf, stepWork } from "./adapters.ts";

test.each([
  ["tesla-t4 NVIDIA: 550.54", "NVIDIA T4"],
  ["driver 535.1, NVIDIA A10G", "NVIDIA A10G"],
  ["NVIDIA L4", "NVIDIA L4"],
  ["NVIDIA H100 80GB HBM3", "NVIDIA H100 SXM"],
  ["NVIDIA H100 PCIe", undefined],
  ["NVIDIA L40S", undefined],
  ["llvmpipe: Mesa 25.0.7", undefined],
])("%j is %s", (text, name) => {
  expect(peaksOf(text)?.name).toBe(name);
});

test("the floor is that of docs/performance.md", () => {
  const peaks = peaksOf("NVIDIA T4")!;
  const work = stepWork("vgg19", 512, 30);
  expect(floorMs(peaks, work)).toBeCloseTo(48.48, 1);
  expect(floorMs({ ...peaks, f32: 1e6 }, work)).toBeCloseTo(6.05, 1);
});
