import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { quarter, seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Iterate } from "./iterate.ts";
import type { ConvName } from "./network/layers.ts";
import type { ConvWeights, Network } from "./network/types.ts";
import { openContext } from "./node.ts";
import type { Picture } from "./picture.ts";
import { type StylizeOptions, stylize } from "./stylize.ts";

const content = seededPicture(1, 41, 53);
const style = seededPicture(11, 47, 38);

describe("stylize", () => {
  let context: GpuContext;
  let network: Network;
  let base: StylizeOptions;

  beforeAll(async () => {
    context = await openContext({ giveWay: true });
    network = seededNetwork(quarter);
    base = { context, network, content, styles: [style], size: 53, minSize: 53, steps: 6 };
  });
  afterAll(() => context[Symbol.dispose]());

  async function trace(options: Partial<StylizeOptions>): Promise<{ picture: Picture; iterates: Iterate[] }> {
    const iterates: Iterate[] = [];
    const { picture } = await stylize({
      ...base,
      ...options,
      onIterate: (iterate) => void iterates.push(iterate),
    });
    return { picture, iterates };
  }

  test("lowers the loss, reports every step and frees its memory", async () => {
    const before = context.liveBytes;
    const { picture, iterates } = await trace({});
    expect(picture).toMatchObject({ width: 53, height: 41 });
    expect(iterates.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(iterates.at(-1)!.loss).toBeLessThan(0.8 * iterates[0]!.loss);
    for (const { loss, content: contentTerm, style: styleTerms, tv } of iterates) {
      const sum = contentTerm + tv + Object.values(styleTerms).reduce<number>((a, b) => a + (b ?? 0), 0);
      expect(Math.abs(sum / loss - 1)).toBeLessThan(1e-5);
    }
    expect(context.liveBytes).toBe(before);
  });

  test("gives the same picture, bit for bit, for the same seed, and another for another", async () => {
    const run = (seed: number) => trace({ init: "noise", seed, steps: 3 });
    const [first, again, other] = [await run(7), await run(7), await run(8)];
    expect(Buffer.from(again.picture.data.buffer)).toEqual(Buffer.from(first.picture.data.buffer));
    expect(other.picture.data).not.toEqual(first.picture.data);
  });

  test("looks at none of the colours that the content's opacity hides, and its picture has no opacity", async () => {
    const pixels = content.width * content.height;
    const opacity = Float32Array.from({ length: pixels }, (_, i) => (i % 53 < 20 ? 0 : 1));
    const hiding = (hidden: number): Picture => ({
      ...content,
      data: content.data.map((value, i) => (opacity[i % pixels]! > 0 ? value : hidden)),
      opacity,
    });
    for (const size of [53, 44]) {
      const options = { size, minSize: size, steps: 2 };
      const [black, green] = [hiding(0), hiding(7)];
      const first = await trace({ ...options, content: black });
      const second = await trace({ ...options, content: green });
      expect(second.picture.data).toEqual(first.picture.data);
      expect(first.picture.opacity).toBeUndefined();
      const start = await trace({ ...options, init: "file", start: black });
      const other = await trace({ ...options, init: "file", start: green });
      expect(other.picture.data).toEqual(start.picture.data);
    }
  });

  test("looks at a transparent style on white", async () => {
    const pixels = style.width * style.height;
    const opacity = Float32Array.from({ length: pixels }, (_, i) => (i % 47 < 20 ? 0 : 1));
    const flat = { ...style, data: style.data.map((value, i) => (opacity[i % pixels]! > 0 ? value : 1)) };
    const expected = await trace({ styles: [flat], steps: 2 });
    expect((await trace({ styles: [{ ...style, opacity }], steps: 2 })).iterates.at(-1)!.style).toEqual(
      expected.iterates.at(-1)!.style,
    );
  });

  test("refuses opacity of another size", async () => {
    const opacity = new Float32Array(10);
    await expect(stylize({ ...base, content: { ...content, opacity } })).rejects.toMatchObject({
      code: "bad-picture",
      message: "Expected 1 x 41 x 53 values but received 10.",
    });
  });

  test.each(["lbfgs", "adam"] as const)(
    "goes through scales with %s and carries its state",
    async (optimizer) => {
      const { picture, iterates } = await trace({
        optimizer,
        size: 64,
        minSize: 45,
        steps: 4,
        scaleSteps: 5,
      });
      expect(picture).toMatchObject({ width: 64, height: 50 });
      expect(iterates.map(({ width, totalStep }) => [width, totalStep])).toEqual([
        ...[1, 2, 3, 4, 5].map((step) => [45, step]),
        ...[6, 7, 8, 9].map((step) => [64, step]),
      ]);
      expect(iterates.every(({ restored, totalSteps }) => !restored && totalSteps === 9)).toBe(true);
      // Without the carried state L-BFGS begins each scale with a step too small to see (5e-5 here).
      const [first, second] = iterates.slice(5);
      expect(Math.abs(second!.loss / first!.loss - 1)).toBeGreaterThan(1e-3);
      expect(first!.loss).toBeLessThan(0.6 * iterates[0]!.loss);
    },
  );

  test("gives the picture with the least loss it evaluated, the last update included", async () => {
    const { picture, iterates } = await trace({});
    const again = await trace({ init: "file", start: picture, steps: 1 });
    expect(again.iterates[0]!.loss).toBeLessThan(Math.min(...iterates.map(({ loss }) => loss)) * (1 + 1e-6));
  });

  test("starts from a file's picture", async () => {
    const start = seededPicture(31, 20, 26);
    const { iterates } = await trace({ init: "file", start, steps: 2 });
    const fromContent = await trace({ steps: 2 });
    expect(iterates[0]!.content).toBeGreaterThan(0.01);
    expect(fromContent.iterates[0]!.content).toBeLessThan(1e-9);
  });

  test("uses max pooling when asked", async () => {
    const [avg, max] = [await trace({ steps: 1 }), await trace({ steps: 1, pooling: "max" })];
    expect(Math.abs(max.iterates[0]!.loss / avg.iterates[0]!.loss - 1)).toBeGreaterThan(0.01);
  });

  test("averages the Gram matrices of several styles", async () => {
    const other = seededPicture(41, 40, 40);
    const both = await trace({ styles: [style, other], steps: 1 });
    const one = await trace({ steps: 1 });
    expect(both.iterates[0]!.style).not.toEqual(one.iterates[0]!.style);
  });

  test("stops after the present steps when aborted, with the picture there is", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const result = await stylize({
      ...base,
      steps: 50,
      signal: controller.signal,
      onIterate: ({ step }) => {
        seen.push(step);
        if (step === 2) controller.abort();
      },
    });
    expect(result).toMatchObject({ aborted: true, picture: { width: 53 } });
    expect(seen.length).toBeLessThan(10);
    expect(result.picture.data).not.toEqual(content.data);
  });

  test("reads the present picture in a step", async () => {
    const pictures: Picture[] = [];
    await stylize({
      ...base,
      steps: 2,
      onIterate: async (_, picture) => void pictures.push(await picture()),
    });
    expect(pictures).toHaveLength(2);
    expect(pictures[1]!.data.every((value) => value > -1 && value < 2)).toBe(true);
  });

  test("reads as many pictures at a time as are asked for, in no more memory", async () => {
    const pictures: Promise<Picture>[] = [];
    await stylize({
      ...base,
      steps: 3,
      onIterate: ({ gpuBytes }, picture) => {
        pictures.push(picture(), picture());
        expect(context.liveBytes).toBe(gpuBytes);
      },
    });
    const read = await Promise.all(pictures);
    expect(read).toHaveLength(6);
    expect(read[4]!.data).not.toEqual(read[0]!.data);
  });

  /** `network` whose features are all 0 behind these convolutions. */
  function withDead(...names: readonly ConvName[]): Network {
    const dead = names.map((name): [ConvName, ConvWeights] => {
      const { weight, bias } = network.weights.get(name)!;
      return [name, { weight: new Float32Array(weight.length), bias: bias.map(() => -1) }];
    });
    return { ...network, weights: new Map([...network.weights, ...dead]) };
  }

  test("leaves out a term on a dead layer, with a note", async () => {
    const notes: string[] = [];
    const onNote = (note: string) => void notes.push(note);
    const dead = withDead("conv5_1");
    const options = { network: dead, size: 45, minSize: 38, scaleSteps: 1, steps: 2, onNote };
    const { iterates } = await trace(options);
    expect(notes).toEqual(["The style loss on relu5_1 is left out: all features to aim at are zero there."]);
    expect(iterates.every(({ loss, style }) => Number.isFinite(loss) && style.relu5_1 === 0)).toBe(true);
    const { relu5_1: _, ...styleLayers } = network.defaults.styleLayers;
    const without = { ...network, defaults: { ...network.defaults, styleLayers } };
    const expected = await trace({ ...options, network: without });
    for (const [i, { loss }] of iterates.entries())
      expect(loss / expected.iterates[i]!.loss).toBeCloseTo(1, 5);
  });

  test("says of a network that is dead at all layers that it is", async () => {
    await expect(
      stylize({ ...base, network: withDead(...network.weights.keys()), steps: 2 }),
    ).rejects.toMatchObject({
      code: "bad-weights",
      message: expect.stringMatching(/seeded network gives zeros at all \(relu4_2, relu1_1, /),
    });
  });

  test("tells at the end when more than one step in ten was thrown away, and not else", async () => {
    const notes: string[] = [];
    const onNote = (note: string) => void notes.push(note);
    await trace({ onNote });
    expect(notes).toEqual([]);
    const { iterates } = await trace({ learningRate: 100, steps: 12, onNote });
    const restored = iterates.filter((iterate) => iterate.restored).length;
    expect(restored).toBeGreaterThan(1);
    expect(notes).toEqual([expect.stringContaining(`exploded at ${restored} of 12 steps`)]);
  });

  test.each<[string, Partial<StylizeOptions>, RegExp]>([
    ["no style", { styles: [] }, /one or more style pictures/],
    ["all weights 0", { styleWeight: 0, contentWeight: 0 }, /weight above 0/],
    ["init without its picture", { init: "file" }, /start picture/],
    ["a size too small", { size: 33, minSize: 32 }, /at least 32 pixels a side/],
    ["a wrong number", { steps: 1.5 }, /steps to be an integer from 1 to 100000/],
    ["a wrong choice", { optimizer: "sgd" as "adam" }, /optimizer to be lbfgs or adam/],
    [
      "a wrong picture",
      { content: { width: 40, height: 40, data: new Float32Array(7) } },
      /3 x 40 x 40 values/,
    ],
  ])("refuses %s", async (_, options, message) => {
    await expect(stylize({ ...base, ...options })).rejects.toThrow(message);
  });

  test("says so when a picture is larger than the adapter can take", async () => {
    const before = context.liveBytes;
    const error = await stylize({
      ...base,
      size: 16000,
      minSize: 16000,
      content: seededPicture(1, 32, 32),
    }).catch((e) => e);
    expect(error.code).toBe("out-of-memory");
    expect(error.message).toMatch(/choose --size \d+ or smaller/);
    expect(context.liveBytes).toBe(before);
  });
});

test("a lost device ends the run with the last good picture", async () => {
  const context = await openContext({ giveWay: true });
  const run = stylize({
    context,
    network: seededNetwork(quarter),
    content,
    styles: [style],
    size: 64,
    minSize: 45,
    steps: 20,
    onIterate: ({ scale, step }) => {
      if (scale === 1 && step === 2) context.device.destroy();
    },
  });
  const error = await run.catch((e) => e);
  expect(error).toMatchObject({ code: "device-lost", picture: { width: 45 } });
});
