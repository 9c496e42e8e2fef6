import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import type { ConvName } from "../network/layers.ts";
import {
  add,
  contentLoss,
  conv,
  dConv,
  dPool,
  dPreprocess,
  dRelu,
  type Planes,
  planes,
  preprocess,
  relu,
} from "./reference.ts";
import {
  expectActivation,
  expectClose,
  layerNamed,
  OperationsTest,
  openTestContext,
  randomPlanes,
  randomWeights,
  testOfLayer,
  variants,
} from "./testing/operations.ts";

/** Layers with the sizes of their maps: odd, not multiples of any tile, less than one tile. */
const cases: readonly (readonly [ConvName, number, number])[] = [
  ["conv1_2", 33, 47],
  ["conv2_1", 17, 61],
  ["conv3_1", 9, 10],
  ["conv4_1", 5, 4],
];

/** Rounded to quarters: several of the values under a pool are often equal. */
const quarters = (x: Planes): Planes => ({ ...x, data: x.data.map((v) => Math.round(4 * v) / 4) });

describe.each(variants)("convolution, $family family in $precision", ({ family, precision, tolerance }) => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openTestContext(family);
  });
  afterAll(() => context[Symbol.dispose]());

  const openFor = (name: ConvName, height: number, width: number) =>
    testOfLayer(context, name, height, width, precision);

  it.each(cases)("adds the bias and cuts off below zero: %s at %dx%d", async (name, height, width) => {
    const { layer, test } = openFor(name, height, width);
    using _ = test;
    const x = randomPlanes(1, layer.inChannels, height, width);
    const weights = randomWeights(2, layer);
    const loaded = await test.loadWeights(layer, weights);
    const y = test.ops.conv(test.upload(x), loaded, { mask: true, features: true });
    const features = { shape: y.shape, buffer: test.ops.featuresOf(y) };
    const values = await expectActivation(test, y, conv(x, weights.weight, weights.bias), tolerance);
    expect(await test.read(features)).toEqual(values);
  });

  it.each(cases)("goes back through the ReLU below: %s at %dx%d", async (name, height, width) => {
    const { layer, test } = openFor(name, height, width);
    using _ = test;
    const input = randomPlanes(3, layer.inChannels, height, width);
    const dz = randomPlanes(4, layer.outChannels, height, width);
    const weights = randomWeights(5, layer);
    const loaded = await test.loadWeights(layer, weights);
    const dx = test.observe(test.ops.convBackward(test.upload(dz), loaded, test.upload(input), {}));
    await test.run();
    const expected = dRelu(dConv(dz, weights.weight, layer.inChannels), input);
    expectClose((await test.read(dx)).data, expected.data, tolerance);
  });

  it.each(cases)("adds the gradient of a loss below: %s at %dx%d", async (name, height, width) => {
    const { layer, test } = openFor(name, height, width);
    using _ = test;
    const input = randomPlanes(6, layer.inChannels, height, width);
    const target = randomPlanes(7, layer.inChannels, height, width);
    const dz = randomPlanes(8, layer.outChannels, height, width);
    const weights = randomWeights(9, layer);
    const loaded = await test.loadWeights(layer, weights);
    const content = { ...test.sink(), target: test.target(target), scale: 0.3 };
    const dx = test.observe(test.ops.convBackward(test.upload(dz), loaded, test.upload(input), { content }));
    await test.run();
    const loss = contentLoss(input, target, 0.3);
    const expected = dRelu(add(dConv(dz, weights.weight, layer.inChannels), loss.gradient), input);
    expectClose((await test.read(dx)).data, expected.data, tolerance);
    expectClose([await test.readSink(content)], [loss.value], tolerance);
  });

  it.each(["avg", "max"] as const)(
    "goes back through the convolution and the %s pool below",
    async (pooling) => {
      const [height, width] = [33, 19];
      const layer = layerNamed("conv2_1");
      using test = new OperationsTest(context, height, width, precision);
      const source = relu(quarters(randomPlanes(10, 64, height, width)));
      const target = randomPlanes(11, 64, height, width);
      const dz = randomPlanes(12, 128, height >> 1, width >> 1);
      const weights = randomWeights(13, layer);
      const loaded = await test.loadWeights(layer, weights);
      const content = { ...test.sink(), target: test.target(target), scale: 0.2 };
      const pooled = test.ops.pool(test.upload(source), pooling);
      const plain = test.observe(test.ops.convBackward(test.upload(dz), loaded, pooled, {}));
      const withLoss = test.observe(test.ops.convBackward(test.upload(dz), loaded, pooled, { content }));
      await test.run();
      const below = dPool(dConv(dz, weights.weight, 64), source, pooling);
      expectClose((await test.read(plain)).data, dRelu(below, source).data, tolerance);
      const { gradient } = contentLoss(source, target, 0.2);
      expectClose((await test.read(withLoss)).data, dRelu(add(below, gradient), source).data, tolerance);
    },
  );

  it.each([
    [32, 32],
    [33, 47],
    [61, 37],
  ])("takes a picture in and its gradient out at %dx%d", async (height, width) => {
    const layer = layerNamed("conv1_1");
    using test = new OperationsTest(context, height, width, precision);
    const image = randomPlanes(14, 3, height, width, 0, 1);
    const dz = randomPlanes(15, 64, height, width);
    const weights = randomWeights(16, layer);
    const loaded = await test.loadWeights(layer, weights);
    const picture = test.arena.bufferWith("picture", Float32Array.from(image.data));
    const gradient = test.arena.buffer("gradient", 4 * image.data.length);
    const y = test.ops.convInput(picture, loaded, { mask: true, features: false });
    const map = test.observe(y);
    const mask = test.observeMask(y);
    test.ops.inputBackward(test.upload(dz), loaded, gradient);
    await test.run();
    const sums = conv(preprocess(image, test.preprocessing), weights.weight, weights.bias);
    expectClose((await test.read(map)).data, relu(sums).data, tolerance);
    const bits = (await test.read(mask)).data;
    expect(
      bits.findIndex((bit, i) => Math.abs(sums.data[i]!) > tolerance && bit !== Number(sums.data[i]! > 0)),
    ).toBe(-1);
    const expected = dPreprocess(dConv(dz, weights.weight, 3), test.preprocessing);
    const actual = planes(3, height, width, await test.context.readFloats(gradient, image.data.length));
    expectClose(actual.data, expected.data, tolerance);
  });
});
