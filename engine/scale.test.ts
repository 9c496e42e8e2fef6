import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { quarter, seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import type { GpuContext } from "./gpu/context.ts";
import { checkJob, loadJob, picturesAt, prepareScale, type StylizeOptions } from "./job.ts";
import { openContext } from "./node.ts";
import type { OptimizerCarry } from "./optimizers/optimizer.ts";
import { runScale } from "./scale.ts";

/** A loss on the first layer only: the optimisers don't care, and little is computed. */
const seeded = seededNetwork(quarter);
const defaults = { ...seeded.defaults, contentLayers: { relu1_1: 1 }, styleLayers: { relu1_1: 1 } };
const network = { ...seeded, defaults };
const content = seededPicture(1, 33, 35);

describe("a scale", () => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openContext({ giveWay: true });
  });
  afterAll(() => context[Symbol.dispose]());

  /** Runs one scale; `losses` are those of its steps. */
  async function run(steps: number, settings: Partial<StylizeOptions>, carried?: OptimizerCarry) {
    const styles = [seededPicture(11, 34, 38)];
    const options = { context, network, content, styles, size: 35, minSize: 35, steps, ...settings };
    using weights = context.arena("weights");
    using arena = context.arena("scale");
    const job = await loadJob(checkJob(options), weights);
    const pictures = picturesAt(job, content, content);
    const prepared = await prepareScale(job, { arena, memory: arena }, pictures, steps, carried);
    const losses: number[] = [];
    const restored: boolean[] = [];
    await runScale({
      ...prepared,
      signal: options.signal,
      onStep: (_, record) => {
        losses.push(record.total);
        restored.push(record.restored);
      },
      keep() {},
    });
    return { carry: await prepared.optimizer.carry(), losses, restored };
  }

  test.each([1, 2, 3, 6])("hands on all %i updates of Adam", async (steps) => {
    const { carry } = await run(steps, { optimizer: "adam" });
    expect(carry).toMatchObject({ kind: "adam", steps, rate: 1 });
  });

  test("hands on Adam's halved rate, and the updates since the last that was thrown away", async () => {
    const { carry, restored } = await run(12, { optimizer: "adam", learningRate: 100 });
    const halvings = restored.filter((isRestored) => isRestored).length;
    expect(halvings).toBeGreaterThan(0);
    // Whether the evaluation behind the last update exploded, too.
    const isLastRestored = (carry as { rate: number }).rate < 0.5 ** halvings;
    expect(carry).toMatchObject({
      rate: 0.5 ** (halvings + Number(isLastRestored)),
      steps: isLastRestored ? 0 : restored.length - 1 - restored.lastIndexOf(true),
    });
    const next = await run(3, { optimizer: "adam", learningRate: 100 }, carry);
    expect((next.carry as { rate: number }).rate).toBeLessThanOrEqual((carry as { rate: number }).rate);
  });

  test("clears what led to a picture that exploded behind the last update", async () => {
    const { carry } = await run(1, { optimizer: "adam", learningRate: 100 });
    expect(carry).toMatchObject({ steps: 0, rate: 0.5 });
    expect((carry as { first: Float32Array }).first.every((value) => value === 0)).toBe(true);
  });
});
