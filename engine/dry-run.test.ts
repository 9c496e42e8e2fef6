/** What a dry run counts is what runs allocate, to the byte. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pretendLimits } from "../tests/limits.ts";
import { quarter, seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import { dryRun, type RunMemory, type ScaleMemory } from "./dry-run.ts";
import type { KernelFamilyName } from "./gpu/adapter.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Iterate } from "./iterate.ts";
import { openContext } from "./node.ts";
import { problemsOf } from "./ops/gpu/tune.ts";
import { problemKey } from "./ops/gpu/variants.ts";
import type { Size } from "./picture.ts";
import { type StylizeOptions, stylize } from "./stylize.ts";

const network = seededNetwork(quarter);
const content = seededPicture(1, 40, 48);
const styles = [seededPicture(11, 40, 33), seededPicture(21, 35, 47)];
const [twoScales, oneScale] = [
  { size: 64, minSize: 45 },
  { size: 40, minSize: 40 },
];

/** Bytes while a scale steps, and while what its optimiser carries on is read. */
const whileStepping = ({ weightsBytes, mapsBytes, optimizerBytes, copiesBytes }: ScaleMemory) =>
  weightsBytes + mapsBytes + optimizerBytes + copiesBytes;

function whenMost({ scales, peakBytes }: RunMemory): "steps" | "targets" | "loading" {
  if (scales.some((scale) => whileStepping(scale) === peakBytes)) return "steps";
  return scales.some((scale) => scale.peakBytes === peakBytes) ? "targets" : "loading";
}

/** Winograd's F(4x4) for every convolution of a picture, with weights and scratch of its own. */
function chooseWinograd(context: GpuContext, size: Size): void {
  const problems = problemsOf(network.layers, size, "f32").filter(({ side }) => side === 3);
  context.choices = new Map(problems.map((problem) => [problemKey(problem), "winograd4-64x64-8x4"]));
}

describe("a dry run counts what a run allocates", { timeout: 240_000 }, () => {
  test.each<[string, KernelFamilyName, string, Partial<StylizeOptions>]>([
    ["cpu, L-BFGS", "cpu", "loading", { ...twoScales, network: seededNetwork(), steps: 5, history: 3 }],
    [
      "cpu, Adam, large styles",
      "cpu",
      "targets",
      { ...twoScales, steps: 2, optimizer: "adam", styleSize: 4 },
    ],
    [
      "gpu, L-BFGS, Winograd, max",
      "gpu",
      "steps",
      { ...oneScale, steps: 1, precision: "f32", pooling: "max" },
    ],
    ["gpu, Adam, f16", "gpu", "steps", { ...twoScales, steps: 1, precision: "f16", optimizer: "adam" }],
  ])("%s", async (label, family, most, settings) => {
    using context = await openContext({ family, giveWay: true });
    if (label.includes("Winograd")) chooseWinograd(context, { width: 40, height: 33 });
    const options = { context, network, content, styles, ...settings };
    const counted = await dryRun(options);
    expect([context.liveBytes, context.peakBytes]).toEqual([0, 0]);

    const iterates: Iterate[] = [];
    await stylize({ ...options, onIterate: (iterate) => void iterates.push(iterate) });
    expect(counted.peakBytes).toBe(context.peakBytes);
    expect(whenMost(counted)).toBe(most);
    expect(iterates.at(-1)!.scale).toBe(counted.scales.length - 1);
    for (const { scale, width, height, steps, gpuBytes } of iterates) {
      expect(counted.scales[scale]).toMatchObject({ width, height, steps });
      const isLast = scale === counted.scales.length - 1;
      const carriedBytes = settings.optimizer === "adam" ? 4 * 3 * width * height : 12;
      expect(whileStepping(counted.scales[scale]!) - (isLast ? 0 : carriedBytes)).toBe(gpuBytes);
    }
  });
});

describe("a dry run", () => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openContext({ backend: "null", family: "gpu" });
  });
  afterAll(() => context[Symbol.dispose]());

  const square = (side: number) => ({ width: side, height: side, data: new Float32Array(3 * side ** 2) });
  const count = (options: Partial<StylizeOptions>) =>
    dryRun({ context, network, content, styles, precision: "f16", ...options });

  test.each([
    ["f32", 1.2e9],
    ["f16", 0.6e9],
  ] as const)(
    "of a megapixel in %s allocates nothing, and asks for less than %d bytes, what the host reads included",
    async (precision, bytes) => {
      const restore = pretendLimits(context, { maxStorageBufferBindingSize: context.limits.maxBufferSize });
      const { scales, peakBytes } = await count({
        content: square(1000),
        size: 1000,
        optimizer: "adam",
        precision,
      });
      restore();
      expect(scales.map(({ width }) => width)).toEqual([177, 250, 354, 500, 707, 1000]);
      expect(peakBytes).toBe(whileStepping(scales.at(-1)!));
      expect(peakBytes).toBeLessThan(bytes);
      expect(context.peakBytes).toBe(0);
    },
  );

  test.each([
    ["f16", 12],
    ["auto", 12],
    ["f32", 24],
  ] as const)("counts L-BFGS's history as the optimizer's, in %s", async (precision, bytes) => {
    const size = { content: square(256), size: 256, minSize: 256, precision };
    const [less, more] = [await count({ ...size, history: 10 }), await count({ ...size, history: 30 })];
    const growth = more.scales[0]!.optimizerBytes - less.scales[0]!.optimizerBytes;
    expect(growth / 20 / 256 ** 2).toBeCloseTo(bytes, 0);
    expect(more.scales[0]!.mapsBytes).toBe(less.scales[0]!.mapsBytes);
  });

  test("names the style that fits no buffer, and what would", async () => {
    const options = { size: 800, minSize: 800, styleSize: 4, styles: [styles[0]!] };
    const error = await count(options).catch((thrown) => thrown);
    const advice = /but style 1 at 2640x3200 pixels need one of \d+ MiB; choose --style-size (\d\.\d\d) or/;
    expect(error).toMatchObject({ code: "out-of-memory", message: expect.stringMatching(advice) });
    const styleSize = Number(advice.exec(error.message)![1]);
    expect(styleSize).toBeGreaterThan(1);
    await expect(count({ ...options, styleSize })).resolves.toBeDefined();
  });

  test.each<[string, Partial<StylizeOptions>]>([
    ["no style", { styles: [] }],
    ["a size too small", { size: 33, minSize: 32 }],
    ["a picture too large", { size: 16000, minSize: 16000 }],
    ["a style whose features fit no buffer", { size: 800, minSize: 800, styleSize: 4 }],
    ["too long a history", { history: 256 }],
    ["a network that lacks a layer", { network: { ...network, layers: network.layers.slice(0, 10) } }],
  ])("fails as the run does: %s", async (_, options) => {
    const all = { context, network, content, styles, precision: "f16", ...options } as const;
    const fails = (run: Promise<unknown>) =>
      run.then(
        () => expect.fail("no error"),
        (error) => error,
      );
    const [dry, real] = [await fails(dryRun(all)), await fails(stylize(all))];
    expect([dry.code, dry.message]).toEqual([real.code, real.message]);
    expect(dry.code).toBeDefined();
  });
});
