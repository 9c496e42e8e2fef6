import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import type { ConvWeights } from "../network/types.ts";
import { contentLoss, conv, gram, type Planes, pool, preprocess, relu, styleLoss } from "./reference.ts";
import {
  expectClose,
  layerNamed,
  OperationsTest,
  openTestContext,
  randomPlanes,
  randomWeights,
  variants,
} from "./testing/operations.ts";

const names = ["conv1_1", "conv1_2", "conv2_1"] as const;
const [height, width] = [32, 35];

describe.each(variants)(
  "three layers with losses on each, $family family in $precision",
  ({ family, precision, tolerance }) => {
    let context: GpuContext;
    beforeAll(async () => {
      context = await openTestContext(family);
    });
    afterAll(() => context[Symbol.dispose]());

    it.each(["avg", "max"] as const)("gradient is that of the loss, %s pool", async (pooling) => {
      using test = new OperationsTest(context, height, width, precision);
      const { ops } = test;
      const weights = names.map((name, i) => randomWeights(i, layerNamed(name)));
      const forward = (x: Planes) => activations(preprocess(x, test.preprocessing), weights, pooling);
      const image = randomPlanes(10, 3, height, width, 0, 1);
      const targets = forward(randomPlanes(11, 3, height, width, 0, 1));
      const grams = targets.map((x) => gram(x));
      const loss = (x: Planes): number => {
        const [relu1, relu2, relu3] = forward(x);
        return (
          styleLoss(relu1!, grams[0]!, 30).value +
          contentLoss(relu2!, targets[1]!, 0.001).value +
          styleLoss(relu3!, grams[2]!, 20).value
        );
      };

      const loaded = await Promise.all(
        names.map((name, i) => test.loadWeights(layerNamed(name), weights[i]!)),
      );
      const style = (i: number, scale: number) => ({
        style: {
          ...test.sink(),
          target: test.arena.bufferWith("target", Float32Array.from(grams[i]!)),
          scale,
        },
      });
      const content = { ...test.sink(), target: test.target(targets[1]!), scale: 0.001 };
      const [style1, style3] = [style(0, 30), style(2, 20)];
      const picture = test.arena.bufferWith("picture", Float32Array.from(image.data));
      const gradient = test.arena.buffer("gradient", 4 * image.data.length);
      const keep = { mask: true, features: true };
      const relu1 = ops.convInput(picture, loaded[0]!, keep);
      const relu2 = ops.conv(relu1, loaded[1]!, keep);
      const pooled = ops.pool(relu2, pooling);
      const relu3 = ops.conv(pooled, loaded[2]!, keep);
      const dz3 = ops.lossBackward(relu3, style3);
      const dz2 = ops.convBackward(dz3, loaded[2]!, pooled, { content });
      const dz1 = ops.convBackward(dz2, loaded[1]!, relu1, style1);
      ops.inputBackward(dz1, loaded[0]!, gradient);
      await test.run();

      const values = await Promise.all(
        [style1.style, style3.style, content].map((sink) => test.readSink(sink)),
      );
      expectClose([values[0]! + values[1]! + values[2]!], [loss(image)], tolerance);
      const actual = await context.readFloats(gradient, image.data.length);
      const largest = Math.max(...actual.map(Math.abs));
      const step = 1e-5;
      for (const i of [0, width * 15 + 17, height * width + 3, 3 * height * width - 1]) {
        const at = (value: number) => loss({ ...image, data: image.data.with(i, value) });
        const difference = (at(image.data[i]! + step) - at(image.data[i]! - step)) / (2 * step);
        expect(Math.abs(actual[i]! - difference)).toBeLessThan(10 * tolerance * largest);
      }
    });
  },
);

/** What each of three layers lets through, a pool before the last. */
function activations(x: Planes, weights: readonly ConvWeights[], pooling: "avg" | "max"): Planes[] {
  const [first, second, third] = weights as [ConvWeights, ConvWeights, ConvWeights];
  const relu1 = relu(conv(x, first.weight, first.bias));
  const relu2 = relu(conv(relu1, second.weight, second.bias));
  return [relu1, relu2, relu(conv(pool(relu2, pooling), third.weight, third.bias))];
}
