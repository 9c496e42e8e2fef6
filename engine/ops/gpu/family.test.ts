import { expect, it } from "vitest";
import type { Precision } from "../../gpu/precision.ts";
import { Program } from "../../gpu/program.ts";
import { createRing, recordLosses, STATE_BYTES } from "../../losses/record.ts";
import { recordTotalVariation } from "../../losses/total-variation.ts";
import { vgg19 } from "../../network/layers.ts";
import { torchvisionPreprocessing } from "../../network/types.ts";
import { openContext } from "../../node.ts";
import { layerNamed, random, randomWeights } from "../testing/operations.ts";
import { gpuFamily } from "./family.ts";

const [height, width] = [33, 35];

/** Records every kernel of the family in every variant, on an adapter that validates shaders and runs nothing. */
it.each<Precision>(["f32", "f16"])("compiles in %s on an adapter without a GPU", async (precision) => {
  using context = await openContext({ backend: "null", family: "gpu" });
  using arena = context.arena("test");
  const program = new Program(context, arena);
  const family = gpuFamily(context, precision);
  await context.guarded(async () => {
    const load = (name: "conv1_1" | "conv1_2" | "conv2_1") =>
      family.loadWeights(arena, layerNamed(name), randomWeights(1, layerNamed(name)));
    const [conv1, conv2, conv3] = await Promise.all([load("conv1_1"), load("conv1_2"), load("conv2_1")]);
    const ops = family.operations(program, arena, {
      height,
      width,
      layers: vgg19,
      preprocessing: torchvisionPreprocessing,
      gradientScale: 1,
    });
    const image = arena.bufferWith("picture", random(1, 3 * height * width));
    const gradient = arena.buffer("gradient", 12 * height * width);
    const partials = arena.buffer("partials", 4 * 1024);
    const keep = { mask: true, features: true };
    const relu1 = ops.convInput(image, conv1, keep);
    const relu2 = ops.conv(relu1, conv2, keep);
    const style = { partials, term: 0, scale: 1, target: ops.gram(relu1) };
    const content = { partials, term: 1, scale: 1, target: ops.featuresOf(relu2) };
    for (const pooling of ["avg", "max"] as const) {
      const pooled = ops.pool(relu2, pooling);
      const relu3 = ops.conv(pooled, conv3, keep);
      const dz3 = ops.lossBackward(relu3, { content: { ...content, target: ops.featuresOf(relu3) } });
      ops.convBackward(dz3, conv3, pooled, {});
      const dz2 = ops.convBackward(dz3, conv3, pooled, { content });
      ops.convBackward(dz2, conv2, relu1, {});
      ops.inputBackward(ops.convBackward(dz2, conv2, relu1, { style }), conv1, gradient);
    }
    recordTotalVariation(context, program, { image, gradient, partials, term: 2, height, width, weight: 1 });
    const state = arena.buffer("state", STATE_BYTES);
    recordLosses(context, program, { partials, terms: 3, ring: createRing(arena), state });
    await expect(program.ready()).resolves.toBeUndefined();
  });
});
