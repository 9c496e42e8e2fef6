/**
 * Channels that are no power of two times 64: networks may be of any width, in multiples of what a family pads them to.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import { type ConvLayer, type ConvName, vggLayers } from "../network/layers.ts";
import { familyOn } from "./index.ts";
import {
  add,
  conv,
  dConv,
  dPreprocess,
  dRelu,
  gram,
  planes,
  preprocess,
  relu,
  styleLoss,
} from "./reference.ts";
import {
  expectActivation,
  expectClose,
  OperationsTest,
  openTestContext,
  random,
  randomPlanes,
  randomWeights,
  testOfLayer,
  variants,
} from "./testing/operations.ts";

/** In multiples of the family's. */
const blocks = [
  [1, 3],
  [5, 1],
  [2, 9],
];

/** Layers with the sizes of their maps. */
const cases: readonly (readonly [ConvName, number, number])[] = [
  ["conv1_2", 33, 18],
  ["conv2_1", 17, 9],
  ["conv2_2", 16, 9],
  ["conv3_2", 5, 9],
];

describe.each(variants)("any width, $family family in $precision", ({ family, precision, tolerance }) => {
  let context: GpuContext;
  let layers: readonly ConvLayer[];
  beforeAll(async () => {
    context = await openTestContext(family);
    const { channelMultiple } = familyOn(context, precision);
    layers = vggLayers(blocks.map((block) => block.map((n) => n * channelMultiple)));
  });
  afterAll(() => context[Symbol.dispose]());

  const openFor = (name: ConvName, height: number, width: number) =>
    testOfLayer(context, name, height, width, precision, layers);

  it.each(cases)("goes forward: %s at %dx%d", async (name, height, width) => {
    const { layer, test } = openFor(name, height, width);
    using _ = test;
    const x = randomPlanes(1, layer.inChannels, height, width);
    const weights = randomWeights(2, layer);
    const loaded = await test.loadWeights(layer, weights);
    const y = test.ops.conv(test.upload(x), loaded, { mask: true, features: true });
    await expectActivation(test, y, conv(x, weights.weight, weights.bias), tolerance);
  });

  it.each(cases)("goes back, with a style loss below: %s at %dx%d", async (name, height, width) => {
    const { layer, test } = openFor(name, height, width);
    using _ = test;
    const input = relu(randomPlanes(3, layer.inChannels, height, width));
    const dz = randomPlanes(4, layer.outChannels, height, width);
    const weights = randomWeights(5, layer);
    const target = gram(relu(randomPlanes(6, layer.inChannels, height, width)));
    const loaded = await test.loadWeights(layer, weights);
    const style = {
      ...test.sink(),
      target: test.arena.bufferWith("target", Float32Array.from(target)),
      scale: 0.3,
    };
    const dx = test.observe(test.ops.convBackward(test.upload(dz), loaded, test.upload(input), { style }));
    await test.run();
    const loss = styleLoss(input, target, 0.3);
    const expected = dRelu(add(dConv(dz, weights.weight, layer.inChannels), loss.gradient), input);
    expectClose((await test.read(dx)).data, expected.data, tolerance);
    expectClose([await test.readSink(style)], [loss.value], tolerance);
  });

  it.each([1, 3, 4])("leaves the picture and comes back to it, %d times as wide", async (times) => {
    const [height, width] = [33, 35];
    const { channelMultiple } = familyOn(context, precision);
    const [layer] = vggLayers([[times * channelMultiple]]) as [ConvLayer];
    using test = new OperationsTest(context, height, width, precision, [layer]);
    const image = planes(3, height, width, random(7, 3 * height * width, 0, 1));
    const dz = randomPlanes(8, layer.outChannels, height, width);
    const weights = randomWeights(9, layer);
    const loaded = await test.loadWeights(layer, weights);
    const gradient = test.arena.buffer("gradient", 12 * height * width);
    const keep = { mask: true, features: false };
    const y = test.ops.convInput(test.arena.bufferWith("image", Float32Array.from(image.data)), loaded, keep);
    const values = test.observe(y);
    test.ops.inputBackward(test.upload(dz), loaded, gradient);
    await test.run();
    const expected = relu(conv(preprocess(image, test.preprocessing), weights.weight, weights.bias));
    expectClose((await test.read(values)).data, expected.data, tolerance);
    const back = dPreprocess(dConv(dz, weights.weight, 3), test.preprocessing);
    expectClose(await context.readFloats(gradient, 3 * height * width), back.data, tolerance);
  });

  it.each([3, 5, 9])("has a Gram matrix of %d times the multiple", async (times) => {
    const { channelMultiple } = familyOn(context, precision);
    const channels = times * channelMultiple;
    using test = new OperationsTest(context, 34, 38, precision, layers);
    const x = relu(randomPlanes(1, channels, 17, 19));
    const buffer = test.ops.gram(test.upload(x));
    await test.run();
    expectClose(await context.readFloats(buffer, channels ** 2), gram(x), tolerance);
    expect(gram(x)).toHaveLength(channels ** 2);
  });
});
