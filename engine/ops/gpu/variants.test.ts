import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../../gpu/context.ts";
import { Program } from "../../gpu/program.ts";
import { torchvisionPreprocessing } from "../../network/types.ts";
import { openContext } from "../../node.ts";
import { gpuFamily } from "../gpu-family.ts";
import { add, contentLoss, conv, dConv, dRelu, relu } from "../reference.ts";
import {
  expectClose,
  layerNamed,
  OperationsTest,
  openTestContext,
  randomPlanes,
  randomWeights,
} from "../testing.ts";
import {
  type Adapter,
  chosenVariant,
  defaultVariant,
  type Problem,
  problemKey,
  variantsFor,
} from "./variants.ts";

const layer = layerNamed("conv2_1"); // 64 to 128 channels
const [height, width] = [9, 11];
const problem: Omit<Problem, "direction"> = {
  side: 3,
  inChannels: 64,
  outChannels: 128,
  pixels: height * width,
};
const forward: Problem = { ...problem, direction: "forward" };
const backward: Problem = { ...problem, direction: "backward", inChannels: 128, outChannels: 64 };

const unlimited: Adapter = {
  limits: {
    maxComputeInvocationsPerWorkgroup: Infinity,
    maxComputeWorkgroupSizeX: Infinity,
    maxComputeWorkgroupStorageSize: Infinity,
  },
  matrixConfigs: [],
  halfOperands: false,
};
const names = (p: Problem) => variantsFor(p, unlimited).map(({ name }) => name);

/** Tiles do the same in both directions: one of each kernel is enough. */
const backwardNames = ["gemm-64x64-8x4", "winograd2-64x64-8x4", "winograd4-64x64-8x4"];
const forwardNames = [...names({ ...forward, side: 1 }), "winograd2-128x64-8x4", "winograd4-128x64-8x4"];

const choose = (context: GpuContext, name: string) => {
  context.choices = new Map([forward, backward].map((p) => [problemKey(p), name]));
  expect(chosenVariant(forward, context).name).toBe(name);
};

describe("variants of a convolution", () => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openTestContext("gpu");
  });
  afterAll(() => context[Symbol.dispose]());

  it.each(forwardNames)("%s adds the bias, cuts off below zero and keeps the signs", async (name) => {
    choose(context, name);
    await checkForward(context, 1e-5);
  });

  it.each(backwardNames)("%s goes back through the ReLU below, with and without a loss", async (name) => {
    choose(context, name);
    await checkBackward(context, 1e-5);
  });

  it("does the same on each configuration of the adapter's matrix units", async ({ skip }) => {
    skip(context.matrixConfigs.length === 0, "the adapter lists no matrix configurations");
    context.halfOperands = true;
    const matrix = (p: Problem) => variantsFor(p, context).filter(({ kind }) => kind === "matrix");
    expect(matrix(forward)).not.toEqual([]);
    for (const { name } of matrix(forward)) {
      choose(context, name);
      await checkForward(context, 2e-3);
    }
    for (const { name } of matrix(backward)) {
      choose(context, name);
      await checkBackward(context, 2e-3);
    }
  });
});

/** The forward convolution against the reference: values, and signs where a value is not within `tolerance` of zero. */
async function checkForward(context: GpuContext, tolerance: number): Promise<void> {
  using test = new OperationsTest(context, 8, 8); // scratch memory so small that Winograd's tiles come in three bands
  const x = randomPlanes(1, 64, height, width);
  const weights = randomWeights(2, layer);
  const loaded = await test.loadWeights(layer, weights);
  const y = test.ops.conv(test.upload(x), loaded, { mask: true, features: true });
  const map = test.observe(y);
  const mask = test.observeMask(y);
  await test.run();
  const sums = conv(x, weights.weight, weights.bias);
  expectClose((await test.read(map)).data, relu(sums).data, tolerance);
  const bits = (await test.read(mask)).data;
  const wrong = bits.findIndex(
    (bit, i) => Math.abs(sums.data[i]!) > 2 * tolerance && bit !== Number(sums.data[i]! > 0),
  );
  expect(wrong).toBe(-1);
}

async function checkBackward(context: GpuContext, tolerance: number): Promise<void> {
  using test = new OperationsTest(context, 2 * height, 2 * width);
  const input = randomPlanes(3, 64, height, width);
  const target = randomPlanes(6, 64, height, width);
  const dz = randomPlanes(4, 128, height, width);
  const weights = randomWeights(5, layer);
  const loaded = await test.loadWeights(layer, weights);
  const content = { ...test.sink(), target: test.target(target), scale: 0.3 };
  const [map, below] = [test.upload(dz), test.upload(input)];
  const plain = test.observe(test.ops.convBackward(map, loaded, below, {}));
  const withLoss = test.observe(test.ops.convBackward(map, loaded, below, { content }));
  await test.run();
  const dx = dConv(dz, weights.weight, 64);
  expectClose((await test.read(plain)).data, dRelu(dx, input).data, tolerance);
  const { gradient } = contentLoss(input, target, 0.3);
  expectClose((await test.read(withLoss)).data, dRelu(add(dx, gradient), input).data, tolerance);
}

describe("the choice of a variant", () => {
  it("is smaller tiles where there are fewer pixels", () => {
    const names = [2 ** 18, 2 ** 12, 2 ** 8].map((pixels) => defaultVariant({ ...forward, pixels }).name);
    expect(new Set(names).size).toBe(3);
  });

  it("is that of the table, for maps of about the size", () => {
    const choices = new Map([[problemKey({ ...forward, pixels: 4096 }), "gemm-128x128-8x8"]]);
    const chosen = (pixels: number) => chosenVariant({ ...forward, pixels }, { ...unlimited, choices }).name;
    expect(chosen(4000)).toBe("gemm-128x128-8x8");
    expect(chosen(8192)).toBe(defaultVariant({ ...forward, pixels: 8192 }).name);
  });

  it("is the default where the adapter lacks workgroup memory for the chosen one, or nobody knows its name", () => {
    const limits = { ...unlimited.limits, maxComputeWorkgroupStorageSize: 16_384 };
    for (const name of ["gemm-128x128-8x8", "no such variant"]) {
      const choices = new Map([[problemKey(forward), name]]);
      expect(chosenVariant(forward, { ...unlimited, choices, limits })).toBe(defaultVariant(forward));
    }
  });

  it("has matrix units with half operands only where those are allowed", () => {
    const config = { operand: "f16", m: 16, n: 16, k: 16, subgroup: 32 } as const;
    const kinds = (halfOperands: boolean) =>
      variantsFor(forward, { ...unlimited, matrixConfigs: [config], halfOperands }).map(({ kind }) => kind);
    expect(kinds(false)).not.toContain("matrix");
    expect(kinds(true).filter((kind) => kind === "matrix")).toHaveLength(3);
  });

  it("has only tiles that a convolution's channels are whole numbers of", () => {
    for (const name of names(backward)) expect(name).not.toContain("128x");
  });
});

/** Records every variant with every finish, on an adapter that validates shaders and runs nothing. */
it("compiles in every variant without a GPU", async () => {
  using context = await openContext({ backend: "null", family: "gpu" });
  using arena = context.arena("test");
  const program = new Program(context, arena);
  const shapes = [
    [16, 16, 16],
    [16, 8, 16],
    [16, 8, 8],
    [8, 16, 16],
    [8, 8, 8],
  ] as const;
  context.matrixConfigs = shapes.flatMap(([m, n, k]) =>
    (["f16", "f32"] as const).map((operand) => ({ operand, m, n, k, subgroup: 32 })),
  );
  context.halfOperands = true;
  const compiled = variantsFor(forward, context).map(({ name }) => name);
  expect(compiled.filter((name) => name.startsWith("matrix"))).not.toEqual([]);
  await context.guarded(async () => {
    const weights = await gpuFamily(context).loadWeights(arena, layer, randomWeights(1, layer));
    const size = { height: 2 * height, width: 2 * width };
    const ops = gpuFamily(context).operations(program, arena, size, torchvisionPreprocessing);
    for (const name of compiled) {
      context.choices = new Map([forward, backward].map((p) => [problemKey(p), name]));
      const shape = { channels: 64, height, width, pitch: width, rows: height };
      const x = {
        shape,
        resource: arena.buffer("x", 256 * height * width),
        mask: undefined,
        features: undefined,
      };
      const y = ops.conv(x, weights, { mask: true, features: true });
      const partials = arena.buffer("partials", 4 * 1024);
      const content = { partials, term: 0, scale: 1, target: arena.buffer("target", 256 * height * width) };
      const input = { ...x, mask: arena.buffer("mask", 256 * height * width), features: x.resource };
      ops.convBackward(y, weights, input, {});
      ops.convBackward(y, weights, input, { content });
      ops.convBackward(y, weights, ops.pool(input, "avg"), {});
    }
    await expect(program.ready()).resolves.toBeUndefined();
  });
});
