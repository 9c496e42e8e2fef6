/**
 * Whole evaluations and runs with maps in f16, where sizes, weights and steps could take gradients out of its range.
 */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import type { Precision } from "../engine/gpu/precision.ts";
import { lossLayers, recordObjective, styleTargets, termsOf } from "../engine/losses/objective.ts";
import { loadModel } from "../engine/model.ts";
import { openContext } from "../engine/node.ts";
import { stylize } from "../engine/stylize.ts";
import { decodePicture } from "../pictures/index.ts";
import { generatedNetwork } from "../weights/index.ts";
import { seededNetwork, seededPicture } from "./seeded-network.ts";

describe("gradients in f16", () => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openContext({ family: "gpu" });
  });
  afterAll(() => context[Symbol.dispose]());

  test("are proportional to the weights of the losses, from 2^-30 to 2^20 times", async () => {
    const [height, width] = [33, 38];
    const styles = [seededPicture(11, height, width)];
    const layers = { contentLayers: {}, styleLayers: { relu1_1: 1, relu2_1: 0.8, relu3_1: 0.6 } };
    const weighted = (styleWeight: number) =>
      termsOf({ ...layers, contentWeight: 0, styleWeight, tvWeight: 0 });
    using weights = context.arena("weights");
    const names = lossLayers(weighted(1));
    const model = await loadModel(context, weights, seededNetwork(), "avg", [...names], "f16");
    const targets = { content: new Map(), style: await styleTargets(context, model, styles, names) };
    const gradientAt = async (factor: number): Promise<Float32Array> => {
      using arena = context.arena("test");
      const start = seededPicture(1, height, width);
      const { program, gradient } = recordObjective(context, arena, model, start, weighted(factor), targets);
      await program.run();
      return await context.readFloats(gradient, start.data.length); // before the arena goes
    };
    const plain = await gradientAt(1);
    expect(plain.some((value) => value !== 0)).toBe(true);
    for (const factor of [2 ** -30, 2 ** 20]) {
      expect(await gradientAt(factor)).toEqual(plain.map((value) => value * factor));
    }
  });
});

test("fifteen steps of L-BFGS in f16 reach the loss that f32 reaches, within 1 %", async () => {
  const read = async (name: string) =>
    (await decodePicture(fileURLToPath(new URL(`../examples/${name}`, import.meta.url)))).picture;
  const [content, style] = [await read("astronaut.jpg"), await read("auvers.jpg")];
  const whole = generatedNetwork();
  const { relu5_1: _, ...styleLayers } = whole.defaults.styleLayers; // plain shaders are slow on a software adapter
  const network = { ...whole, defaults: { ...whole.defaults, styleLayers } };
  const lossAfter = async (family: KernelFamilyName, precision: Precision): Promise<number> => {
    using context = await openContext({ family, giveWay: true });
    let best = Number.POSITIVE_INFINITY;
    await stylize({
      ...{ context, network, content, styles: [style], size: 32, minSize: 32, steps: 15, precision },
      onIterate({ loss }) {
        best = Math.min(best, loss);
      },
    });
    return best;
  };
  // The cpu family, much faster here, computes what the gpu family does in f32.
  const [f32, f16] = [await lossAfter("cpu", "f32"), await lossAfter("gpu", "f16")];
  expect(Math.abs(f16 / f32 - 1)).toBeLessThan(0.01);
});

describe("a run", () => {
  const shallow = { contentWeight: 0, styleLayers: { relu1_1: 1, relu2_1: 1 } };
  const seeded = seededNetwork();
  const network = { ...seeded, defaults: { ...seeded.defaults, ...shallow } };
  const picture = seededPicture(1, 32, 33);
  const options = { network, content: picture, styles: [picture], size: 33, minSize: 33, steps: 2 };

  test("that was stopped in f32 goes on in f16", async () => {
    using cpu = await openContext({ family: "cpu" });
    using gpu = await openContext({ family: "gpu" });
    const controller = new AbortController();
    const first = await stylize({
      ...{ ...options, context: cpu, precision: "f32", signal: controller.signal },
      onIterate: () => controller.abort(),
    });
    const resume = { scale: 0, step: 1, picture: first.picture };
    const second = await stylize({ ...options, context: gpu, precision: "f16", resume });
    expect(second).toMatchObject({ aborted: false, last: { totalStep: 2, restored: false } });
  });

  test("in f16 is refused where kernels are f32 only", async () => {
    using context = await openContext({ family: "cpu" });
    await expect(stylize({ ...options, context, precision: "f16" })).rejects.toMatchObject({
      code: "unsupported",
    });
  });
});
