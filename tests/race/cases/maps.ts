/** What goes over maps and pictures otherwise: pools, Gram matrices, losses, copies. */
import { expect } from "vitest";
import type { Precision } from "../../../engine/gpu/precision.ts";
import { Program } from "../../../engine/gpu/program.ts";
import { createRing, parseRecord, recordLosses, STATE_BYTES } from "../../../engine/losses/record.ts";
import { expectTotalVariation } from "../../../engine/losses/testing/total-variation.ts";
import { vggLayers } from "../../../engine/network/layers.ts";
import { LOSS_PARTIALS } from "../../../engine/ops/index.ts";
import {
  add,
  contentLoss,
  dConv,
  dPool,
  dRelu,
  gram,
  type Planes,
  pool,
  relu,
  styleLoss,
} from "../../../engine/ops/reference.ts";
import { expectClose, random, randomPlanes, randomWeights } from "../../../engine/ops/testing/operations.ts";
import type { RaceContext } from "../context.ts";
import { type Case, operationsOn, precisions, toleranceOf, twoLayers } from "./case.ts";

/** Rounded to quarters: several of the values under a pool are often equal. */
const quarters = (x: Planes): Planes => ({ ...x, data: x.data.map((v) => Math.round(4 * v) / 4) });

async function pools(context: RaceContext, precision: Precision, pooling: "avg" | "max"): Promise<void> {
  const [height, width] = [19, 35];
  const tolerance = toleranceOf(precision);
  const layers = vggLayers([[32], [32]]);
  using test = operationsOn(context, height, width, precision, layers);
  const source = relu(quarters(randomPlanes(10, 32, height, width)));
  const target = randomPlanes(11, 32, height, width);
  const dz = randomPlanes(12, 32, height >> 1, width >> 1);
  const weights = randomWeights(13, layers[1]!);
  const loaded = await test.loadWeights(layers[1]!, weights);
  const content = { ...test.sink(), target: test.target(target), scale: 0.2 };
  const pooled = test.ops.pool(test.upload(source), pooling);
  const values = test.observe(pooled);
  const plain = test.observe(test.ops.convBackward(test.upload(dz), loaded, pooled, {}));
  const withLoss = test.observe(test.ops.convBackward(test.upload(dz), loaded, pooled, { content }));
  await test.run();
  expectClose((await test.read(values)).data, pool(source, pooling).data, tolerance);
  const below = dPool(dConv(dz, weights.weight, 32), source, pooling);
  expectClose((await test.read(plain)).data, dRelu(below, source).data, tolerance);
  const { gradient } = contentLoss(source, target, 0.2);
  expectClose((await test.read(withLoss)).data, dRelu(add(below, gradient), source).data, tolerance);
}

async function grams(
  context: RaceContext,
  precision: Precision,
  channels: number,
  height: number,
  width: number,
): Promise<void> {
  using test = operationsOn(context, height, width, precision, twoLayers(channels, 32));
  const x = relu(randomPlanes(1, channels, height, width));
  const buffer = test.ops.gram(test.upload(x));
  await test.run();
  expectClose(await context.readFloats(buffer, channels ** 2), gram(x), toleranceOf(precision));
}

/** Two losses on one activation, whose features are copied, too. */
async function losses(
  context: RaceContext,
  precision: Precision,
  channels: number,
  height: number,
  width: number,
): Promise<void> {
  const tolerance = toleranceOf(precision);
  using test = operationsOn(context, height, width, precision, twoLayers(channels, 32));
  const x = relu(randomPlanes(1, channels, height, width));
  const other = relu(randomPlanes(2, channels, height, width, -0.5, 1));
  const target = gram(other);
  const buffer = test.arena.bufferWith("target", Float32Array.from(target));
  const style = { ...test.sink(), target: buffer, scale: 40 };
  const content = { ...test.sink(), target: test.target(other), scale: 0.03 };
  const activation = test.upload(x);
  const features = { shape: activation.shape, buffer: test.ops.featuresOf(activation) };
  const dz = test.observe(test.ops.lossBackward(activation, { style, content }));
  await test.run();
  const [byStyle, byContent] = [styleLoss(x, target, 40), contentLoss(x, other, 0.03)];
  expectClose([await test.readSink(style)], [byStyle.value], tolerance);
  expectClose([await test.readSink(content)], [byContent.value], tolerance);
  const gradient = dRelu(add(byStyle.gradient, byContent.gradient), x);
  expectClose((await test.read(dz)).data, gradient.data, tolerance);
  expectClose((await test.read(features)).data, x.data, tolerance);
}

/** The content loss begins a gradient alone, where nothing is there to be added to. */
async function contentAlone(context: RaceContext, precision: Precision): Promise<void> {
  using test = operationsOn(context, 3, 5, precision, twoLayers(32, 32));
  const x = relu(randomPlanes(3, 32, 3, 5));
  const other = relu(randomPlanes(4, 32, 3, 5));
  const content = { ...test.sink(), target: test.target(other), scale: 0.03 };
  const dz = test.observe(test.ops.lossBackward(test.upload(x), { content }));
  await test.run();
  const expected = contentLoss(x, other, 0.03);
  expectClose([await test.readSink(content)], [expected.value], toleranceOf(precision));
  expectClose((await test.read(dz)).data, dRelu(expected.gradient, x).data, toleranceOf(precision));
}

async function variation(context: RaceContext, height: number, width: number): Promise<void> {
  using test = operationsOn(context, 4, 4, "f32", twoLayers(32, 32));
  await expectTotalVariation(test, height, width);
}

/** Several evaluations' ends: sums, the best one, and one that explodes. */
async function records(context: RaceContext, terms: number): Promise<void> {
  using arena = context.arena("test");
  const ring = createRing(arena);
  const state = arena.buffer("state", STATE_BYTES);
  for (const [step, factor] of [1, 2, 1e6].entries()) {
    const sums = random(terms, terms * LOSS_PARTIALS, 0, 1).map((x) => factor * x);
    const partials = arena.bufferWith("partials", sums);
    const program = new Program(context, arena);
    recordLosses(context, program, { partials, terms, ring, state });
    await program.run();
    const expected = Array.from({ length: terms }, (_, t) =>
      sums.subarray(t * LOSS_PARTIALS, (t + 1) * LOSS_PARTIALS).reduce((sum, value) => sum + value, 0),
    );
    const record = parseRecord(await context.readFloats(ring, ring.size / 4), step, terms);
    expectClose(record.terms, expected, 1e-6);
    expectClose([record.total], [expected.reduce((sum, value) => sum + value)], 1e-6);
    expect(record.restored).toBe(factor > 1000);
  }
}

const gramSizes = [
  [32, 3, 5],
  [64, 17, 19],
  [96, 5, 7],
  [160, 4, 9],
] as const;

const lossSizes = [
  [32, 7, 9],
  [96, 3, 5],
] as const;

export const mapCases: readonly Case[] = [
  ...precisions.flatMap((precision): Case[] => [
    ...(["avg", "max"] as const).map((pooling) => ({
      name: `${pooling} pool and back in ${precision}`,
      kernels: [`pool_${pooling}`, `pool_${pooling}_backward`, "content_loss"],
      run: (context: RaceContext) => pools(context, precision, pooling),
    })),
    ...gramSizes.map(([channels, height, width]) => ({
      name: `Gram matrix of ${channels} channels of ${height}x${width} in ${precision}`,
      kernels: ["gram_product", "gram_reduce"],
      run: (context: RaceContext) => grams(context, precision, channels, height, width),
    })),
    ...lossSizes.map(([channels, height, width]) => ({
      name: `losses on ${channels} channels of ${height}x${width} in ${precision}`,
      kernels: ["content_loss", "style_loss", "features_copy", "gram_product", "gram_reduce"],
      run: (context: RaceContext) => losses(context, precision, channels, height, width),
    })),
    {
      name: `content loss alone in ${precision}`,
      kernels: ["content_loss"],
      run: (context) => contentAlone(context, precision),
    },
  ]),
  ...(
    [
      [7, 9],
      [33, 20],
      [75, 91],
    ] as const
  ).map(([height, width]) => ({
    name: `total variation of ${height}x${width}`,
    kernels: ["image_tv"],
    run: (context: RaceContext) => variation(context, height, width),
  })),
  ...[1, 7, 14].map((terms) => ({
    name: `a record of ${terms} losses`,
    kernels: ["loss_record"],
    run: (context: RaceContext) => records(context, terms),
  })),
];

/** What the cpu family runs of these, through its own textures and masks. */
export const mapsOfCpu: readonly Case[] = [
  ...(["avg", "max"] as const).map((pooling) => ({
    name: `${pooling} pool and back`,
    kernels: [`pool_${pooling}`, `pool_${pooling}_backward`, "content_loss"],
    run: (context: RaceContext) => pools(context, "f32", pooling),
  })),
  {
    name: "losses on 32 channels of 7x9",
    kernels: [
      "content_loss",
      "style_loss",
      "features_copy",
      "gram_operand",
      "gram_chunks_sum",
      "relu_backward",
    ],
    run: (context) => losses(context, "f32", 32, 7, 9),
  },
];
