import { expect, it } from "vitest";
import { MARK, parseStatistics, problemsIn } from "./statistics.ts";

/** As RADV of Mesa 25.0 prints it. */
const told = (vgprs: number, spilled: number, scratch: number) => `
Compute Shader:
*** SHADER STATS ***
Driver pipeline hash: 14032254674660931604
SGPRs: 128
VGPRs: ${vgprs}
Spilled SGPRs: 0
Spilled VGPRs: ${spilled}
Code size: 6552
LDS size: 18432
Scratch size: ${scratch}
Subgroups per SIMD: 8
Instructions: 1347
Pre-Sched VGPRs: 135
********************
`;

const text = [
  "ac_compute_device_uuid's output is based on invalid pci bus info.",
  `${MARK} pool_avg: f32\n${told(24, 0, 0)}`,
  `${MARK} conv2d_matrix: f16 CHANNELS=128\n${told(256, 26, 19_712)}`,
  `${MARK} adam\nerror: Shader 'adam' does not compile.\n`,
  `${MARK} gram_reduce\n`,
].join("\n");

it("reads what the driver says of each kernel", () => {
  const [first, second] = parseStatistics(text);
  expect(first).toEqual({
    name: "pool_avg: f32",
    vgprs: 24,
    sgprs: 128,
    spilled: 0,
    scratch: 0,
    lds: 18_432,
    codeBytes: 6552,
    instructions: 1347,
    subgroups: 8,
    error: undefined,
  });
  expect(second).toMatchObject({ vgprs: 256, spilled: 26, scratch: 19_712 });
});

it("tells of kernels outside registers, and of those of which nothing is known", () => {
  expect(problemsIn(parseStatistics(text))).toEqual([
    "conv2d_matrix: f16 CHANNELS=128 spills 26 registers and takes 19712 bytes of scratch memory.",
    "adam does not compile: Shader 'adam' does not compile.",
    "gram_reduce does not compile: the driver gave no statistics",
  ]);
});
