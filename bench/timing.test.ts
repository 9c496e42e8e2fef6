import { expect, test } from "vitest";
import { summary } from "./timing.ts";

test("times are summed by kernel and by layer, most first, copies with their layer", () => {
  const profile = summary([
    { tag: "conv1_1 forward", kernel: "gemm", ms: 1 },
    { tag: "conv1_1 forward copy", kernel: "copy", ms: 2 },
    { tag: "conv1_2 forward", kernel: "gemm", ms: 8 },
  ]);
  expect(profile.total).toBe(11);
  expect(profile.kernels).toEqual([
    { name: "gemm", count: 2, ms: 9 },
    { name: "copy", count: 1, ms: 2 },
  ]);
  expect(profile.layers).toEqual([
    { name: "conv1_2 forward", count: 1, ms: 8 },
    { name: "conv1_1 forward", count: 2, ms: 3 },
  ]);
});
