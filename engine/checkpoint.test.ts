import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { quarter, seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import { type Checkpoint, checkpointOf, scalesLeft } from "./checkpoint.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Iterate } from "./iterate.ts";
import { openContext } from "./node.ts";
import { type StylizeOptions, stylize } from "./stylize.ts";

const content = seededPicture(1, 41, 53);

test.each([
  [
    undefined,
    [
      [0, 0],
      [1, 0],
      [2, 0],
    ],
  ],
  [
    { scale: 0, step: 0 },
    [
      [0, 0],
      [1, 0],
      [2, 0],
    ],
  ],
  [
    { scale: 0, step: 4 },
    [
      [1, 0],
      [2, 0],
    ],
  ],
  [
    { scale: 1, step: 3 },
    [
      [1, 3],
      [2, 0],
    ],
  ],
  [{ scale: 2, step: 5 }, [[2, 5]]],
  [{ scale: 2, step: 6 }, []],
])("a checkpoint %o leaves (scale, done) %j", (at, expected) => {
  const scales = [4, 4, 6].map((steps, i) => ({ width: 40 + i, height: 40, steps }));
  const left = scalesLeft(scales, at && { ...at, picture: content });
  expect(left.map(({ scale, done }) => [scale, done])).toEqual(expected);
});

describe("a run that was stopped", () => {
  let context: GpuContext;
  let base: StylizeOptions;
  let unbroken: Awaited<ReturnType<typeof run>>;

  beforeAll(async () => {
    context = await openContext({ giveWay: true });
    const styles = [seededPicture(11, 47, 38)];
    const scales = { size: 64, minSize: 45, scaleSteps: 4, steps: 6 };
    base = { context, network: seededNetwork(quarter), content, styles, ...scales };
    unbroken = await run();
  });
  afterAll(() => context[Symbol.dispose]());

  async function run(options: Partial<StylizeOptions> = {}) {
    const iterates: Iterate[] = [];
    const checkpoints: Checkpoint[] = [];
    const result = await stylize({
      ...base,
      ...options,
      onIterate: async (iterate, picture) => {
        iterates.push(iterate);
        checkpoints.push(checkpointOf(iterate, await picture()));
      },
    });
    return { ...result, iterates, checkpoints };
  }

  /** The run that goes on from the checkpoint behind the `total`-th step. */
  const resumed = (total: number) => run({ resume: unbroken.checkpoints[total - 1] });

  const counts = ({ scale, width, step, steps, totalStep, totalSteps }: Iterate) => {
    return { scale, width, step, steps, totalStep, totalSteps };
  };

  test.each([
    ["midway in the last scale", 7],
    ["midway in an earlier scale", 2],
    ["where a scale ended", 4],
  ])("goes on from a checkpoint %s, counts on, and reaches about the same loss", async (_, total) => {
    const { iterates, picture } = await resumed(total);
    expect(iterates.map(counts)).toEqual(unbroken.iterates.slice(total).map(counts));
    expect(iterates[0]!.totalStep).toBe(total + 1);
    expect(picture).toMatchObject({ width: 64, height: 50 });
    const [first, last] = [unbroken.iterates[0]!.loss, unbroken.last!.loss];
    expect(iterates.at(-1)!.loss).toBeLessThan(last + 0.15 * (first - last));
  });

  test("starts from the checkpoint's picture", async () => {
    const { iterates } = await resumed(7);
    const before = unbroken.iterates.slice(4, 8).map(({ loss }) => loss);
    expect(iterates[0]!.loss).toBeLessThan(before[2]! * 1.001);
    expect(iterates[0]!.loss).toBeLessThan(0.9 * before[0]!);
  });

  test("does no evaluation again: its losses are those of the run that was not stopped", async () => {
    const controller = new AbortController();
    const losses: number[] = [];
    const stopped = await stylize({
      ...base,
      signal: controller.signal,
      onIterate: ({ totalStep, loss }) => {
        losses.push(loss);
        if (totalStep === 6) controller.abort();
      },
    });
    const { iterates } = await run({ resume: checkpointOf(stopped.last!, stopped.picture) });
    expect(iterates[0]!.totalStep).toBe(losses.length + 1);
    expect(iterates[0]!.loss).toBe(unbroken.iterates[losses.length]!.loss);
  });

  test("has nothing to do when it had ended", async () => {
    const { iterates, last, aborted, picture } = await resumed(10);
    expect({ iterates, last, aborted }).toEqual({ iterates: [], last: undefined, aborted: false });
    expect(picture).toBe(unbroken.checkpoints[9]!.picture);
  });

  test("gives record and picture of the same scale when it stops between two", async () => {
    const controller = new AbortController();
    const onIterate = ({ totalStep }: Iterate) => void (totalStep === 4 && controller.abort());
    const { aborted, last, picture } = await stylize({ ...base, signal: controller.signal, onIterate });
    expect(aborted).toBe(true);
    expect(last).toMatchObject({ totalStep: 4, width: picture.width, height: picture.height });
  });

  test.each<[string, Partial<Checkpoint>, string]>([
    ["another scale", { scale: 2 }, "in one of 2 scales but received scale 2"],
    ["half a scale", { scale: 0.5 }, "in one of 2 scales but received scale 0.5"],
    ["too many steps", { step: 5 }, "after 0 to 4 steps of scale 0 but received step 5"],
    ["half a step", { step: 1.5 }, "after 0 to 4 steps of scale 0 but received step 1.5"],
    [
      "a picture of another size",
      { picture: seededPicture(1, 45, 45) },
      "with a picture of 3 x 35 x 45 values at scale 0 but received 45x45 pixels of 6075 values",
    ],
  ])("refuses a checkpoint of %s", async (_, part, message) => {
    const resume = { scale: 0, step: 3, picture: seededPicture(1, 35, 45), ...part };
    await expect(run({ resume })).rejects.toMatchObject({
      code: "bad-option",
      message: `Expected a checkpoint ${message}.`,
    });
  });
});
