import { expect, test } from "vitest";
import { pytorchPeers, toleranceOf } from "./peers.ts";

test.each([
  ["eager", 1e-3],
  ["tf32 channels_last", 1e-2],
  ["autocast f16", 2e-2],
  ["autocast bf16", 5e-2],
])("PyTorch's %s may differ by %d", (mode, tolerance) => {
  expect(toleranceOf(mode)).toBe(tolerance);
});

test("without PyTorch there is a row that says so", () => {
  expect(pytorchPeers("no Python has it", "cpu")).toMatchObject([
    { engine: "PyTorch", problem: "no Python has it" },
  ]);
});

test("each mode is a peer of its own", () => {
  const pytorch = {
    python: "python3",
    version: "2.9",
    device: "cuda",
    name: "X",
    modes: ["eager", "tf32"],
  } as const;
  expect(pytorchPeers(pytorch, "gpu").map(({ engine, extra }) => [engine, ...extra])).toEqual([
    ["PyTorch 2.9 cuda eager", "gpu", "eager"],
    ["PyTorch 2.9 cuda tf32", "gpu", "tf32"],
  ]);
});
