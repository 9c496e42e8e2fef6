import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import { add, contentLoss, dRelu, gram, relu, styleLoss } from "./reference.ts";
import {
  expectClose,
  OperationsTest,
  openTestContext,
  randomPlanes,
  variants,
} from "./testing/operations.ts";

describe.each(variants)(
  "losses on features, $family family in $precision",
  ({ family, precision, tolerance }) => {
    let context: GpuContext;
    beforeAll(async () => {
      context = await openTestContext(family);
    });
    afterAll(() => context[Symbol.dispose]());

    /** One case: a map of block log2(channels / 64), its targets. */
    const open = (channels: number, height: number, width: number) => {
      const block = Math.log2(channels / 64);
      const test = new OperationsTest(context, height << block, width << block, precision);
      const x = relu(randomPlanes(1, channels, height, width));
      const other = relu(randomPlanes(2, channels, height, width, -0.5, 1));
      const a = gram(other);
      const target = test.arena.bufferWith("target", Float32Array.from(a));
      const style = { ...test.sink(), target, scale: 40 };
      const content = { ...test.sink(), target: test.target(other), scale: 0.03 };
      return { test, x, other, a, style, content };
    };

    it.each([
      [64, 33, 47],
      [256, 9, 11],
      [512, 3, 2],
    ])("style: %d channels of %dx%d", async (channels, height, width) => {
      const { test, x, a, style } = open(channels, height, width);
      using _ = test;
      const dz = test.observe(test.ops.lossBackward(test.upload(x), { style }));
      await test.run();
      const expected = styleLoss(x, a, style.scale);
      expectClose([await test.readSink(style)], [expected.value], tolerance);
      expectClose((await test.read(dz)).data, dRelu(expected.gradient, x).data, tolerance);
    });

    it.each([
      [64, 67, 65],
      [512, 4, 5],
    ])("content: %d channels of %dx%d", async (channels, height, width) => {
      const { test, x, other, content } = open(channels, height, width);
      using _ = test;
      const dz = test.observe(test.ops.lossBackward(test.upload(x), { content }));
      await test.run();
      const expected = contentLoss(x, other, content.scale);
      expectClose([await test.readSink(content)], [expected.value], tolerance);
      expectClose((await test.read(dz)).data, dRelu(expected.gradient, x).data, tolerance);
    });

    it("style and content on the same layer", async () => {
      const { test, x, other, a, style, content } = open(128, 17, 23);
      using _ = test;
      const dz = test.observe(test.ops.lossBackward(test.upload(x), { style, content }));
      await test.run();
      const gradients = add(
        styleLoss(x, a, style.scale).gradient,
        contentLoss(x, other, content.scale).gradient,
      );
      expectClose((await test.read(dz)).data, dRelu(gradients, x).data, tolerance);
    });

    it("refuses to start backward without a loss", () => {
      const { test, x } = open(64, 32, 32);
      using _ = test;
      expect(() => test.ops.lossBackward(test.upload(x), {})).toThrow(/loss/);
    });
  },
);
