/** What a step allocates, counted on an adapter that computes nothing. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GpuContext } from "../engine/gpu/context.ts";
import type { Precision } from "../engine/gpu/precision.ts";
import { lossLayers, recordObjective, termsOf } from "../engine/losses/objective.ts";
import { loadModel, type Model } from "../engine/model.ts";
import { type ReluName, reluName, vgg19 } from "../engine/network/layers.ts";
import { openContext } from "../engine/node.ts";
import { adam } from "../engine/optimizers/adam.ts";
import { lbfgs } from "../engine/optimizers/lbfgs.ts";
import type { CreateOptimizer } from "../engine/optimizers/optimizer.ts";
import { lossWeights, seededNetwork } from "./seeded-network.ts";

const terms = termsOf(lossWeights);

/** Sides of the squares that are recorded: more does not fit this adapter. */
const SMALL = 256;
const LARGE = 512;
const PIXELS = LARGE ** 2 - SMALL ** 2;

describe.each<[precision: Precision, bytesPerPixel: number, bytesAtMegapixel: number, bytesPerPair: number]>([
  ["f32", 916.25, 1.2e9, 24],
  ["f16", 512.25, 0.6e9, 12],
])("device memory of the gpu family in %s", (precision, bytesPerPixel, bytesAtMegapixel, bytesPerPair) => {
  let context: GpuContext;
  let model: Model;

  beforeAll(async () => {
    context = await openContext({ backend: "null", family: "gpu" });
    const arena = context.arena("weights");
    model = await loadModel(context, arena, seededNetwork(), "avg", [...lossLayers(terms)], precision);
  });
  afterAll(() => context[Symbol.dispose]());

  /** Bytes on the device, weights included, during steps at side x side pixels. */
  const allocated = (side: number, create: CreateOptimizer): number => {
    const start = { width: side, height: side, data: new Float32Array(3 * side * side) };
    using arena = context.arena("scale");
    const { image, gradient, state } = recordObjective(context, arena, model, start, terms, targetsAt(side));
    const previous = arena.bufferWith("previous picture", start.data);
    create(context, arena, { count: start.data.length, image, gradient, previous, state });
    return context.liveBytes;
  };

  test("a megapixel fits, with Adam", () => {
    const optimizer = adam({ learningRate: 0.02 });
    const [small, large] = [allocated(SMALL, optimizer), allocated(LARGE, optimizer)];
    const growth = (large - small) / PIXELS;
    expect(growth).toBeCloseTo(bytesPerPixel, 1);
    expect(large + growth * (1e6 - LARGE ** 2)).toBeLessThan(bytesAtMegapixel);
  });

  test(`L-BFGS adds ${bytesPerPair} bytes a pixel for each step it remembers`, () => {
    const remembering = (history: number) =>
      allocated(SMALL, lbfgs({ learningRate: 1, history, maxSteps: 1000, precision }));
    const growth = (remembering(30) - remembering(10)) / 20;
    expect(growth / SMALL ** 2).toBeCloseTo(bytesPerPair, 0);
  });
});

/** Targets of the right sizes. */
function targetsAt(side: number) {
  const targets = { content: new Map<ReluName, Float32Array>(), style: new Map<ReluName, Float32Array>() };
  for (const term of terms) {
    if (term.kind === "tv") continue;
    const { outChannels, block } = vgg19.find(({ name }) => reluName(name) === term.layer)!;
    const columns = term.kind === "style" ? outChannels : (side >> block) ** 2;
    targets[term.kind].set(term.layer, new Float32Array(outChannels * columns).fill(1));
  }
  return targets;
}
