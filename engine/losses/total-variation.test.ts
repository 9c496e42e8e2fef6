import { afterAll, beforeAll, describe, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import { add, totalVariation } from "../ops/reference.ts";
import { expectClose, OperationsTest, openTestContext, randomPlanes } from "../ops/testing/operations.ts";
import { recordTotalVariation } from "./total-variation.ts";

describe("total variation", () => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openTestContext("gpu");
  });
  afterAll(() => context[Symbol.dispose]());

  it.each([
    [32, 33],
    [37, 61],
    [170, 131],
  ])("adds its gradient and sums up at %dx%d", async (height, width) => {
    using test = new OperationsTest(context, 32, 32);
    const x = randomPlanes(1, 3, height, width, 0, 1);
    const before = randomPlanes(2, 3, height, width, -1e-3, 1e-3);
    const image = test.arena.bufferWith("picture", Float32Array.from(x.data));
    const gradient = test.arena.bufferWith("gradient", Float32Array.from(before.data));
    const sink = test.sink();
    recordTotalVariation(context, test.program, { ...sink, image, gradient, height, width, weight: 7 });
    await test.run();
    const expected = totalVariation(x, 7);
    expectClose([await test.readSink(sink)], [expected.value]);
    expectClose(await context.readFloats(gradient, x.data.length), add(before, expected.gradient).data);
  });
});
