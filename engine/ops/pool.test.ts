import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import { type Planes, pool, relu } from "./reference.ts";
import { expectClose, families, OperationsTest, openTestContext, randomPlanes } from "./testing.ts";

const sizes = [
  [32, 32],
  [33, 47],
  [37, 61],
] as const;

describe.each(families)("pool, %s family", (family) => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openTestContext(family);
  });
  afterAll(() => context[Symbol.dispose]());

  const pooled = async (x: Planes, pooling: "avg" | "max"): Promise<Planes> => {
    using test = new OperationsTest(context, x.height, x.width);
    const map = test.observe(test.ops.pool(test.upload(x), pooling));
    await test.run();
    return test.read(map);
  };

  it.each(sizes)("averages 2x2 texels at %dx%d", async (height, width) => {
    const x = relu(randomPlanes(1, 64, height, width));
    expectClose((await pooled(x, "avg")).data, pool(x, "avg").data, 1e-7);
  });

  it.each(sizes)("takes the maximum of 2x2 texels at %dx%d", async (height, width) => {
    const x = relu(randomPlanes(2, 64, height, width));
    expect(await pooled(x, "max")).toEqual(pool(x, "max"));
  });
});
