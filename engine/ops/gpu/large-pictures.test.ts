/** Pictures with more tiles of pixels than one dimension of a grid holds workgroups. */

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { pretendLimits } from "../../../tests/limits.ts";
import { seededNetwork } from "../../../tests/seeded-network.ts";
import { dryRun } from "../../dry-run.ts";
import type { GpuContext } from "../../gpu/context.ts";
import type { Precision } from "../../gpu/precision.ts";
import { Program } from "../../gpu/program.ts";
import { vgg19 } from "../../network/layers.ts";
import { openContext } from "../../node.ts";
import type { Size } from "../../picture.ts";
import type { Activation } from "../family.ts";
import { conv, type Planes, preprocess } from "../reference.ts";
import {
  chooseVariant,
  expectActivation,
  layerNamed,
  OperationsTest,
  openTestContext,
  randomPlanes,
  randomWeights,
} from "../testing/operations.ts";
import { problemsOf } from "./tune.ts";
import { chosenVariant, type Problem, variantsFor } from "./variants.ts";

describe("grids of several rows, and dispatches of several bands", () => {
  const [height, width] = [20, 23]; // 460 pixels
  const layer = layerNamed("conv2_1"); // 64 to 128 channels
  const problemIn = (precision: Precision): Problem => ({
    side: 3,
    direction: "forward",
    inChannels: 64,
    outChannels: 128,
    pixels: height * width,
    precision,
  });
  let context: GpuContext;
  beforeAll(async () => {
    context = await openTestContext("gpu");
  });
  afterAll(() => context[Symbol.dispose]());

  /**
   * Holds values and mask of what `record` makes, with `limit` workgroups a dimension at most, against `sums` behind a
   * ReLU.
   */
  async function check(
    test: OperationsTest,
    limit: number,
    sums: Planes,
    record: () => Activation,
    tolerance: number,
  ): Promise<void> {
    const restore = pretendLimits(context, { maxComputeWorkgroupsPerDimension: limit });
    const y = record();
    restore();
    await expectActivation(test, y, sums, tolerance, 2 * tolerance);
  }

  async function checkConv(name: string, precision: Precision, limit: number, tolerance: number) {
    const problem = problemIn(precision);
    chooseVariant(context, [problem], name);
    expect(chosenVariant(problem, context).name).toBe(name);
    using test = new OperationsTest(context, height, width, precision);
    const x = randomPlanes(1, 64, height, width);
    const weights = randomWeights(2, layer);
    const loaded = await test.loadWeights(layer, weights);
    const map = test.upload(x);
    const sums = conv(x, weights.weight, weights.bias);
    const record = () => test.ops.conv(map, loaded, { mask: true, features: true });
    await check(test, limit, sums, record, tolerance);
  }

  it("give the matrix product each tile once", () => checkConv("gemm-64x64-8x4", "f32", 3, 1e-5)); // 8: 3, 3, 2

  it("give matrix units each tile once", async ({ skip }) => {
    const variants = variantsFor(problemIn("f16"), context).filter(({ kind }) => kind === "matrix");
    skip(variants.length === 0, "the adapter lists no matrix configurations");
    for (const { name, tile } of variants) {
      await checkConv(name, "f16", tile.channels === 32 ? 4 : 3, 1e-3); // 15 in 4 bands, 8 in 3, 4 in 2
    }
  });

  it("give the first convolution each tile once", async () => {
    using test = new OperationsTest(context, height, width);
    const first = layerNamed("conv1_1");
    const image = randomPlanes(3, 3, height, width, 0, 1);
    const weights = randomWeights(4, first);
    const loaded = await test.loadWeights(first, weights);
    const picture = test.arena.bufferWith("picture", Float32Array.from(image.data));
    const sums = conv(preprocess(image, test.preprocessing), weights.weight, weights.bias);
    const record = () => test.ops.convInput(picture, loaded, { mask: true, features: false });
    await check(test, 3, sums, record, 1e-5); // 4 in 2 rows of 2
  });
});

describe("16 megapixels on an adapter with memory for them", () => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openContext({ backend: "null", family: "gpu" });
    pretendLimits(context, { maxBufferSize: 2 ** 34, maxStorageBufferBindingSize: 2 ** 32 });
    context.matrixConfigs = [{ operand: "f16", m: 16, n: 16, k: 16, subgroup: 32, isAsked: false }];
  });
  afterAll(() => context[Symbol.dispose]());

  it.each<[name: string, Size, "adam" | "lbfgs"]>([
    ["gemm-64x128-8x4", { width: 4096, height: 4096 }, "adam"],
    ["gemm-32x32-4x4", { width: 16_001, height: 1049 }, "lbfgs"],
    ["gemm-64x64-8x4", { width: 1000, height: 16_000 }, "adam"],
    ["gemm-64x64-8x4", { width: 8192, height: 2048 }, "adam"],
    ["winograd4-64x64-8x4", { width: 16_384, height: 1024 }, "lbfgs"],
    ["matrix-f16-16x16x16-32x32", { width: 4099, height: 4093 }, "adam"],
  ])("can be recorded with %s, no dispatch with more than 30 GFLOP", async (name, size, optimizer) => {
    const dispatch = vi.spyOn(Program.prototype, "dispatch");
    onTestFinished(() => dispatch.mockRestore());
    chooseVariant(context, problemsOf(vgg19, size, "f16"), name);
    const longSide = Math.max(size.width, size.height);
    const picture = { ...size, data: new Float32Array(3 * size.width * size.height) };
    const { scales } = await dryRun({
      context,
      network: seededNetwork(),
      content: picture,
      styles: [picture],
      precision: "f16",
      size: longSide,
      minSize: longSide,
      optimizer,
    });
    expect(scales).toMatchObject([size]);
    const operations = dispatch.mock.calls.map((args) => args[5] ?? 0);
    expect(Math.max(...operations)).toBeLessThanOrEqual(3e10);
    const direct = 2 * 9 * 64 ** 2 * size.width * size.height; // of conv1_2 alone
    expect(operations.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(direct);
  });
});
