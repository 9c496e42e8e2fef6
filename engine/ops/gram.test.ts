import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import { gram, relu } from "./reference.ts";
import {
  expectClose,
  OperationsTest,
  openTestContext,
  randomPlanes,
  variants,
} from "./testing/operations.ts";

describe.each(variants)("Gram matrix, $family family in $precision", ({ family, precision, tolerance }) => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openTestContext(family);
  });
  afterAll(() => context[Symbol.dispose]());

  it.each([
    [64, 33, 47],
    [128, 18, 30],
    [256, 9, 11],
    [512, 2, 3],
  ])("is F F^T over the number of pixels: %d channels of %dx%d", async (channels, height, width) => {
    const block = Math.log2(channels / 64);
    using test = new OperationsTest(context, height << block, width << block, precision);
    const x = relu(randomPlanes(1, channels, height, width));
    const buffer = test.ops.gram(test.upload(x));
    await test.run();
    const values = await context.readFloats(buffer, channels ** 2);
    expectClose(values, gram(x), tolerance);
    const asymmetric = values.findIndex(
      (v, i) => v !== values[(i % channels) * channels + Math.floor(i / channels)],
    );
    expect(asymmetric).toBe(-1);
  });
});
