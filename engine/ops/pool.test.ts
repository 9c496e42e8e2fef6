import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../gpu/context.ts";
import { type Planes, pool, relu } from "./reference.ts";
import { OperationsTest, openTestContext, randomPlanes, variants } from "./testing/operations.ts";

const sizes = [
  [32, 32],
  [33, 47],
  [37, 61],
] as const;

/** Rounded to multiples of 1/256: f16 holds them, and means of four. */
const steps = (x: Planes): Planes => ({ ...x, data: x.data.map((v) => Math.round(256 * v) / 256) });

describe.each(variants)("pool, $family family in $precision", ({ family, precision }) => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openTestContext(family);
  });
  afterAll(() => context[Symbol.dispose]());

  const pooled = async (x: Planes, pooling: "avg" | "max"): Promise<Planes> => {
    using test = new OperationsTest(context, x.height, x.width, precision);
    const map = test.observe(test.ops.pool(test.upload(x), pooling));
    await test.run();
    return test.read(map);
  };

  it.each(sizes)("averages 2x2 texels at %dx%d", async (height, width) => {
    const x = relu(steps(randomPlanes(1, 64, height, width)));
    expect(await pooled(x, "avg")).toEqual(pool(x, "avg"));
  });

  it.each(sizes)("takes the maximum of 2x2 texels at %dx%d", async (height, width) => {
    const x = relu(steps(randomPlanes(2, 64, height, width)));
    expect(await pooled(x, "max")).toEqual(pool(x, "max"));
  });
});
