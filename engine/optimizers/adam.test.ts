import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { distance, Harness, relativeError } from "../../tests/optimizers/harness.ts";
import { start, testFunctions } from "../../tests/optimizers/problems.ts";
import type { GpuContext } from "../gpu/context.ts";
import { openContext } from "../node.ts";
import { adam } from "./adam.ts";
import fixture from "./fixtures/torch.json" with { type: "json" };
import { referenceAdam } from "./reference.ts";

const { quadratic } = testFunctions;
const options = { learningRate: 0.02, beta1: 0.9, beta2: 0.999 };
let context: GpuContext;

beforeAll(async () => {
  context = await openContext({ giveWay: true });
});
afterAll(() => context[Symbol.dispose]());

describe("adam", () => {
  const cases = fixture.cases.filter((c) => c.optimizer === "adam");

  it.each(cases)("follows PyTorch on $function of $size values, beta1 $beta1", async (torch) => {
    using arena = context.arena("test");
    const { learningRate, beta1 = 0, beta2 = 0 } = torch;
    const harness = new Harness(context, arena, adam({ learningRate, beta1, beta2 }), start(torch.size));
    const f = testFunctions[torch.function as keyof typeof testFunctions];
    const { losses, image } = await harness.minimise(f, torch.steps);
    expect(relativeError(losses, torch.losses)).toBeLessThan(5e-6);
    const head = Float64Array.from(torch.image);
    expect(distance(image.subarray(0, head.length), head)).toBeLessThan(5e-6);
  });

  it("keeps the picture before the update", async () => {
    using arena = context.arena("test");
    const harness = new Harness(context, arena, adam(options), start(30));
    const before = await harness.picture(harness.buffers.image);
    await harness.update(quadratic(before).gradient);
    expect(await harness.picture(harness.buffers.previous)).toEqual(before);
  });

  it("goes back and begins anew at half the rate where the guard restores", async () => {
    using arena = context.arena("test");
    const harness = new Harness(context, arena, adam(options), start(30));
    const { image } = await harness.minimise(quadratic, 5);
    const good = await harness.picture(harness.buffers.previous);
    const restored = await harness.update(image.fill(Number.NaN), true);
    expect(restored).toEqual(good);
    const update = referenceAdam({ ...options, learningRate: 0.01 });
    let expected = good;
    for (let i = 0; i < 5; i++) expected = update(expected, quadratic(expected).gradient);
    const again = await harness.minimise(quadratic, 5);
    expect(distance(again.image, expected)).toBeLessThan(1e-6);
  });

  it("goes on from what it carried", async () => {
    using arena = context.arena("test");
    const whole = new Harness(context, arena, adam(options), start(30));
    const { image } = await whole.minimise(quadratic, 7);
    const carry = await whole.optimizer.carry();
    expect(carry).toMatchObject({ kind: "adam", steps: 7, rate: 1 });
    const next = new Harness(context, arena, adam(options), image, carry);
    const [expected, actual] = [await whole.minimise(quadratic, 4), await next.minimise(quadratic, 4)];
    expect(relativeError(actual.losses, expected.losses)).toBeLessThan(1e-6);
  });

  it("rejects what another optimiser or another size carried", () => {
    using arena = context.arena("test");
    const create = (carry: Parameters<ReturnType<typeof adam>>[3]) =>
      new Harness(context, arena, adam(options), start(30), carry);
    expect(() => create({ kind: "lbfgs", inverseHessian: 1 })).toThrow("received 'lbfgs'");
    const [first, second] = [new Float32Array(29), new Float32Array(30)];
    expect(() => create({ kind: "adam", first, second, steps: 1, rate: 1 })).toThrow(
      "30 values but received 29",
    );
  });

  it("frees its memory with the arena", () => {
    const before = context.liveBytes;
    {
      using arena = context.arena("test");
      new Harness(context, arena, adam(options), start(30));
      expect(context.liveBytes).toBeGreaterThan(before);
    }
    expect(context.liveBytes).toBe(before);
  });
});

it("adam compiles without a GPU", async () => {
  using nothing = await openContext({ backend: "null" });
  using arena = nothing.arena("test");
  await expect(
    new Harness(nothing, arena, adam(options), start(30)).optimizer.ready(),
  ).resolves.toBeUndefined();
});
