import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../../gpu/context.ts";
import type { Precision } from "../../gpu/precision.ts";
import { Program } from "../../gpu/program.ts";
import { vgg19 } from "../../network/layers.ts";
import { torchvisionPreprocessing } from "../../network/types.ts";
import { openContext } from "../../node.ts";
import { add, contentLoss, conv, dConv, dRelu } from "../reference.ts";
import {
  chooseVariant,
  expectActivation,
  expectClose,
  layerNamed,
  OperationsTest,
  openTestContext,
  randomPlanes,
  randomWeights,
} from "../testing/operations.ts";
import { gpuFamily } from "./family.ts";
import {
  type Capabilities,
  chosenVariant,
  defaultVariant,
  isPlain,
  type Problem,
  problemKey,
  variantsFor,
} from "./variants.ts";

const layer = layerNamed("conv2_1"); // 64 to 128 channels
const [height, width] = [9, 11];
const forwardIn = (precision: Precision): Problem => ({
  side: 3,
  direction: "forward",
  inChannels: 64,
  outChannels: 128,
  pixels: height * width,
  precision,
});
const backwardIn = (precision: Precision): Problem => ({
  ...forwardIn(precision),
  direction: "backward",
  inChannels: 128,
  outChannels: 64,
});
const [forward, backward] = [forwardIn("f32"), backwardIn("f32")];

const unlimited: Capabilities = {
  limits: {
    maxComputeInvocationsPerWorkgroup: Infinity,
    maxComputeWorkgroupSizeX: Infinity,
    maxComputeWorkgroupStorageSize: Infinity,
  },
  matrixConfigs: [],
  verdicts: new Map(),
  adapterInfo: { vendor: "nvidia" },
};
const names = (p: Problem) => variantsFor(p, unlimited).map(({ name }) => name);

/** Tiles do the same in both directions and precisions: one of each kernel is enough. */
const eachKernel = [
  "gemm-64x64-8x4",
  "gemm-64x64-8x4-double",
  "gemm-64x64-8x4-split4",
  "winograd2-64x64-8x4",
  "winograd4-64x64-8x4",
];
const halfSums = ["gemm-f16-64x64-8x4", "gemm-f16-64x128-8x8-double", "gemm-f16-64x64-8x4-split4"];
const lavapipe = { ...unlimited, limits: { ...unlimited.limits, maxComputeWorkgroupStorageSize: 32_768 } };
/** Of the ways that are not plain, one tile: the race checker has the others (tests/race/). */
const gemms = variantsFor({ ...forward, side: 1 }, lavapipe)
  .filter((variant) => isPlain(variant) || variant.name.startsWith("gemm-64x64-"))
  .map(({ name }) => name);
const forwardNames = [...gemms, "winograd2-128x64-8x4", "winograd4-128x64-8x4"];

interface Case {
  readonly precision: Precision;
  readonly tolerance: number;
  readonly forwardNames: readonly string[];
  readonly backwardNames?: readonly string[];
}

describe.each<Case>([
  { precision: "f32", tolerance: 1e-5, forwardNames },
  { precision: "f16", tolerance: 1e-3, forwardNames: eachKernel },
  { precision: "f16", tolerance: 2e-3, forwardNames: halfSums, backwardNames: halfSums },
])(
  "variants of a convolution in $precision, to $tolerance",
  ({ precision, tolerance, forwardNames, backwardNames = eachKernel }) => {
    let context: GpuContext;
    beforeAll(async () => {
      context = await openTestContext("gpu");
    });
    afterAll(() => context[Symbol.dispose]());

    const [forward, backward] = [forwardIn(precision), backwardIn(precision)];
    const chosen = (name: string) => {
      chooseVariant(context, [forward, backward], name);
      return { context, precision, name };
    };

    it.each(forwardNames)("%s adds the bias, cuts off below zero and keeps the signs", async (name) => {
      await checkForward(chosen(name), tolerance);
    });

    it.each(backwardNames)("%s goes back through the ReLU below, with and without a loss", async (name) => {
      await checkBackward(chosen(name), tolerance);
    });

    it("does the same on each configuration of the adapter's matrix units", async ({ skip }) => {
      const isExpected = process.env.STYLIZE_EXPECTS_MATRIX_UNITS !== undefined; // npm run test:matrix
      skip(!isExpected && context.matrixConfigs.length === 0, "the adapter lists no matrix configurations");
      const matrix = (p: Problem) => variantsFor(p, context).filter(({ kind }) => kind === "matrix");
      expect(matrix(forwardIn("f16"))).not.toEqual([]);
      for (const { name } of matrix(forward)) await checkForward(chosen(name), Math.max(tolerance, 1e-4));
      for (const { name } of matrix(backward)) await checkBackward(chosen(name), Math.max(tolerance, 1e-4));
    });
  },
);

/** A context that is to use the variant `name`. */
interface Chosen {
  readonly context: GpuContext;
  readonly precision: Precision;
  readonly name: string;
}

/** The forward convolution against the reference: values, and signs where a value is not within `tolerance` of zero. */
async function checkForward({ context, precision, name }: Chosen, tolerance: number): Promise<void> {
  expect(chosenVariant(forwardIn(precision), context).name).toBe(name);
  // scratch memory so small that Winograd's tiles come in three bands, but for the parts of split sums
  const side = name.includes("split") ? 32 : 8;
  using test = new OperationsTest(context, side, side, precision);
  const x = randomPlanes(1, 64, height, width);
  const weights = randomWeights(2, layer);
  const loaded = await test.loadWeights(layer, weights);
  const y = test.ops.conv(test.upload(x), loaded, { mask: true, features: true });
  const sums = conv(x, weights.weight, weights.bias);
  await expectActivation(test, y, sums, tolerance, 2 * tolerance);
}

async function checkBackward({ context, precision, name }: Chosen, tolerance: number): Promise<void> {
  expect(chosenVariant(backwardIn(precision), context).name).toBe(name);
  using test = new OperationsTest(context, 2 * height, 2 * width, precision);
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
    const names = [2 ** 18, 2 ** 12, 2 ** 8].map(
      (pixels) => defaultVariant({ ...forward, pixels }, unlimited).name,
    );
    expect(new Set(names).size).toBe(3);
  });

  it("is that of the table, for maps of about the size", () => {
    const choices = new Map([[problemKey({ ...forward, pixels: 4096 }), "gemm-128x128-8x8"]]);
    const chosen = (pixels: number) => chosenVariant({ ...forward, pixels }, { ...unlimited, choices }).name;
    expect(chosen(4000)).toBe("gemm-128x128-8x8");
    for (const near of [1024, 8192, 16_384]) expect(chosen(near)).toBe("gemm-128x128-8x8");
    for (const pixels of [2 ** 8, 2 ** 16]) {
      expect(chosen(pixels)).toBe(defaultVariant({ ...forward, pixels }, unlimited).name);
    }
  });

  it("is that of the nearest size of which there is one", () => {
    const at = (pixels: number) => problemKey({ ...forward, pixels });
    const choices = new Map([
      [at(2 ** 10), "gemm-32x32-4x4"],
      [at(2 ** 13), "gemm-128x128-8x8"],
    ]);
    const chosen = (pixels: number) => chosenVariant({ ...forward, pixels }, { ...unlimited, choices }).name;
    expect([2 ** 9, 2 ** 10, 2 ** 11].map(chosen)).toEqual(Array(3).fill("gemm-32x32-4x4"));
    expect([2 ** 12, 2 ** 13, 2 ** 15].map(chosen)).toEqual(Array(3).fill("gemm-128x128-8x8"));
  });

  it("is the default where the adapter lacks workgroup memory for the chosen one, or nobody knows its name", () => {
    const limits = { ...unlimited.limits, maxComputeWorkgroupStorageSize: 16_384 };
    for (const name of ["gemm-128x128-8x8", "no such variant"]) {
      const choices = new Map([[problemKey(forward), name]]);
      expect(chosenVariant(forward, { ...unlimited, choices, limits })).toBe(
        defaultVariant(forward, unlimited),
      );
    }
  });

  it("is none that a self-test found wrong, in the precision that it was of", () => {
    const wrong = ["winograd4", "gemm-64x64-8x4"];
    const verdicts = new Map([["f32", { wrong }]] as const);
    const left = (p: Problem) => variantsFor(p, { ...unlimited, verdicts }).map(({ name }) => name);
    expect(left(forward)).toEqual(names(forward).filter((name) => !/^winograd4|^gemm-64x64-8x4$/.test(name)));
    expect(left(forwardIn("f16"))).toEqual(names(forwardIn("f16")));
    const choices = new Map([[problemKey(forward), "winograd4-64x64-8x4"]]);
    const adapter = { ...unlimited, verdicts, choices };
    expect(chosenVariant(forward, adapter)).toEqual(defaultVariant(forward, adapter));
  });

  it("is the matrix units that a self-test chose, in tiles as large as keep a GPU busy", () => {
    const config = { operand: "f16", m: 16, n: 16, k: 16, subgroup: 32, isAsked: false } as const;
    const verdicts = new Map([["f16", { wrong: [], matrix: "matrix-f16-16x16x16" }]] as const);
    const adapter = { ...unlimited, matrixConfigs: [config], verdicts };
    const chosen = (precision: Precision, pixels: number) =>
      defaultVariant({ ...forwardIn(precision), pixels }, adapter).name;
    expect([2 ** 18, 2 ** 13, 2 ** 8].map((pixels) => chosen("f16", pixels))).toEqual([
      "matrix-f16-16x16x16-128x128",
      "matrix-f16-16x16x16-64x128",
      "matrix-f16-16x16x16-32x32",
    ]);
    expect(chosen("f32", 2 ** 18)).toBe("gemm-64x128-8x8");
  });

  it("has matrix units with half operands only where maps are halves", () => {
    const matrixConfigs = (["f16", "f32"] as const).map(
      (operand) => ({ operand, m: 16, n: 16, k: 16, subgroup: 32, isAsked: false }) as const,
    );
    const operands = (p: Problem) => {
      const variants = variantsFor(p, { ...unlimited, matrixConfigs });
      return new Set(
        variants.flatMap((variant) => (variant.kind === "matrix" ? variant.config.operand : [])),
      );
    };
    expect(operands(forwardIn("f32"))).toEqual(new Set(["f32"]));
    expect(operands(forwardIn("f16"))).toEqual(new Set(["f16", "f32"]));
    expect(operands({ ...forwardIn("f32"), side: 1 })).toEqual(new Set(["f32"]));
  });

  it("has no more sums of matrix units than the adapter's registers hold", () => {
    const sizes = (vendor: string, subgroup: number, m: number) => {
      const matrixConfigs = [{ operand: "f16", m, n: 16, k: 16, subgroup, isAsked: true } as const];
      const variants = variantsFor(forwardIn("f16"), {
        ...unlimited,
        matrixConfigs,
        adapterInfo: { vendor },
      });
      return variants.flatMap(({ kind, name }) =>
        kind === "matrix" && /x\d+$/.test(name) ? [name.split("-").at(-1)] : [],
      );
    };
    const all = ["128x128", "64x128", "64x64", "64x32", "32x64", "32x32"];
    expect(sizes("nvidia", 32, 16)).toEqual(all);
    expect(sizes("amd", 32, 16)).toEqual(all.slice(1)); // 128x128 spills there
    expect(sizes("amd", 64, 16)).toEqual(all);
    expect(sizes("intel", 16, 8)).toEqual(all.slice(3));
  });

  it("splits sums where there are few workgroups, and channels to split", () => {
    const splits = (p: Problem) => names(p).filter((name) => name.includes("split"));
    expect(splits(forward)).not.toEqual([]);
    expect(splits({ ...forward, pixels: 2 ** 18 })).toEqual([]);
    expect(splits({ ...forward, inChannels: 32 })).toEqual([]);
  });

  it("has only tiles that a convolution's channels are whole numbers of", () => {
    for (const name of names(backward)) expect(name).not.toContain("128x");
  });
});

/** Records every variant with every finish, on an adapter that validates shaders and runs nothing. */
it.each<Precision>(["f32", "f16"])("compiles in every variant in %s without a GPU", async (precision) => {
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
    (["f16", "f32"] as const).map((operand) => ({ operand, m, n, k, subgroup: 32, isAsked: true })),
  );
  const [forward, backward] = [forwardIn(precision), backwardIn(precision)];
  const styles = [64, 128].map(
    (channels): Problem => ({ ...backward, side: 1, inChannels: channels, outChannels: channels }),
  );
  const compiled = variantsFor(forward, context).map(({ name }) => name);
  expect(compiled.filter((name) => name.startsWith("matrix"))).not.toEqual([]);
  await context.guarded(async () => {
    const family = gpuFamily(context, precision);
    const weights = await family.loadWeights(arena, layer, randomWeights(1, layer));
    const ops = family.operations(program, arena, {
      height: 2 * height,
      width: 2 * width,
      layers: vgg19,
      preprocessing: torchvisionPreprocessing,
      gradientScale: 1,
    });
    const shape = { channels: 64, height, width, pitch: width, rows: height };
    const resource = arena.buffer("x", 256 * height * width);
    const mask = arena.buffer("mask", 256 * height * width);
    const input = { shape, resource, mask, features: resource };
    const partials = arena.buffer("partials", 4 * 1024);
    const style = { partials, term: 0, scale: 1, target: arena.buffer("target", 4 * 128 ** 2) };
    for (const name of compiled) {
      chooseVariant(context, [forward, backward, ...styles], name);
      const y = ops.conv(input, weights, { mask: true, features: true });
      ops.lossBackward(y, { style });
      ops.convBackward(y, weights, input, { style });
      ops.convBackward(y, weights, ops.pool(input, "avg"), {});
    }
    await expect(program.ready()).resolves.toBeUndefined();
  });
});
