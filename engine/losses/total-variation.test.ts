import { afterAll, beforeAll, describe, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import { OperationsTest, openTestContext } from "../ops/testing/operations.ts";
import { expectTotalVariation } from "./testing/total-variation.ts";

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
    await expectTotalVariation(test, height, width);
  });
});
