/** The whole network and both optimisers against PyTorch's float64 results (fixtures/make_network.py), on both kernel families. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { Program } from "../engine/gpu/program.ts";
import { lossLayers } from "../engine/losses/objective.ts";
import { parseRecord } from "../engine/losses/record.ts";
import { loadModel, type Model, recordForward } from "../engine/network/model.ts";
import type { ReluName } from "../engine/network/vgg19.ts";
import { openContext } from "../engine/node.ts";
import { adam } from "../engine/optimizers/adam.ts";
import { lbfgs } from "../engine/optimizers/lbfgs.ts";
import type { CreateOptimizer } from "../engine/optimizers/optimizer.ts";
import {
  expectLossesAndGradient,
  type ObjectiveCase,
  objectiveOf,
  relativeL2,
  type Stored,
  startOf,
  storedFloats,
  terms,
} from "./objective-case.ts";
import { seededNetwork } from "./seeded-network.ts";

interface Case extends ObjectiveCase {
  readonly activations: Readonly<Record<ReluName, Stored & { readonly step: number }>>;
  readonly adam: readonly number[];
  readonly lbfgs: readonly number[];
}

const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url);
const cases: readonly Case[] = JSON.parse(readFileSync(fixture("network.json"), "utf8"));
const stored = storedFloats(fixture("network.bin"));

describe.each<KernelFamilyName>(["cpu", "gpu"])("%s family against PyTorch", (family) => {
  let context: GpuContext;
  let loaded: Model;

  beforeAll(async () => {
    context = await openContext({ family });
    const network = seededNetwork();
    const arena = context.arena("weights");
    loaded = await loadModel(context, arena, network, "avg", [...lossLayers(terms)]);
  });
  afterAll(() => context[Symbol.dispose]());

  describe.each(cases)("$height x $width, $pooling pooling", (expected) => {
    const { pooling } = expected;
    const start = startOf(expected);

    test("activations at the loss layers", async () => {
      using arena = context.arena("test");
      const program = new Program(context, arena);
      const model = { ...loaded, pooling };
      const ops = model.family.operations(program, arena, start, model.preprocessing);
      const image = arena.bufferWith("picture", start.data);
      const pass = recordForward(ops, model, image, lossLayers(terms), false);
      const found = [...lossLayers(terms)].map((layer) => {
        const activation = pass.at(layer);
        return { layer, shape: activation.shape, buffer: ops.featuresOf(activation) };
      });
      await program.run();
      for (const { layer, shape, buffer } of found) {
        const texels = await context.readFloats(buffer, buffer.size / 4);
        const { step, ...place } = expected.activations[layer]!;
        const sample = (i: number) => {
          const plane = shape.height * shape.width;
          const [c, y, x] = [
            Math.floor(i / plane),
            Math.floor(i / shape.width) % shape.height,
            i % shape.width,
          ];
          return texels[4 * ((Math.floor(c / 4) * shape.rows + y) * shape.pitch + x) + (c % 4)]!;
        };
        const samples = Float64Array.from({ length: place.count }, (_, i) => sample(i * step));
        expect(relativeL2(samples, stored(place)), layer).toBeLessThan(1e-5);
      }
    });

    test("loss terms and image gradient", () =>
      expectLossesAndGradient(context, loaded, expected, stored(expected.gradient)));

    // The optimisers are the same for both families, and plain shaders are slow on a software adapter.
    test.runIf(family === "cpu").each<[name: "adam" | "lbfgs", create: CreateOptimizer]>([
      ["adam", adam({ learningRate: 0.02 })],
      ["lbfgs", lbfgs({ learningRate: 1, history: 100, maxSteps: 10 })],
    ])("first ten losses of %s", async (name, create) => {
      using arena = context.arena("test");
      const { program, image, gradient, ring, state } = await objectiveOf(context, arena, loaded, expected);
      const previous = arena.bufferWith("previous", start.data);
      const optimizer = create(context, arena, {
        count: start.data.length,
        image,
        gradient,
        previous,
        state,
      });
      await Promise.all([program.ready(), optimizer.ready()]);
      for (let step = 0; step < 10; step++) {
        const encoder = context.device.createCommandEncoder();
        program.encode(encoder);
        optimizer.encode(encoder, step);
        context.device.queue.submit([encoder.finish()]);
      }
      const records = await context.readFloats(ring, ring.size / 4);
      for (const [step, loss] of expected[name].entries()) {
        const { total } = parseRecord(records, step, terms.length);
        expect(Math.abs(total / loss - 1), `step ${step + 1}`).toBeLessThan(1e-3);
      }
    });
  });
});
