/** The whole network and both optimisers against PyTorch's float64 results (fixtures/make_network.py), on both kernel families. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { Program } from "../engine/gpu/program.ts";
import {
  contentTargets,
  lossLayers,
  recordObjective,
  styleTargets,
  termsOf,
} from "../engine/losses/objective.ts";
import { parseRecord } from "../engine/losses/record.ts";
import { loadModel, type Model, recordForward } from "../engine/network/model.ts";
import type { ReluName } from "../engine/network/vgg19.ts";
import { openContext } from "../engine/node.ts";
import { adam } from "../engine/optimizers/adam.ts";
import { lbfgs } from "../engine/optimizers/lbfgs.ts";
import type { CreateOptimizer } from "../engine/optimizers/optimizer.ts";
import type { Picture } from "../engine/types.ts";
import { lossWeights, seededNetwork, seededPicture } from "./seeded-network.ts";

interface Stored {
  readonly offset: number;
  readonly count: number;
}

interface Case {
  readonly height: number;
  readonly width: number;
  readonly pooling: "avg" | "max";
  readonly startSeed: number;
  readonly activations: Readonly<Record<ReluName, Stored & { readonly step: number }>>;
  readonly terms: Readonly<Record<string, number>>;
  readonly loss: number;
  readonly gradient: Stored;
  readonly adam: readonly number[];
  readonly lbfgs: readonly number[];
}

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const cases: readonly Case[] = JSON.parse(fixture("network.json").toString());
const binary = new Float32Array(new Uint8Array(fixture("network.bin")).buffer);
const stored = ({ offset, count }: Stored) => binary.subarray(offset, offset + count);

const terms = termsOf(lossWeights);

function relativeL2(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

describe.each<KernelFamilyName>(["cpu", "gpu"])("%s family against PyTorch", (family) => {
  let context: GpuContext;
  const models = new Map<string, Model>();

  beforeAll(async () => {
    context = await openContext({ family });
    const network = seededNetwork();
    const arena = context.arena("weights");
    const avg = await loadModel(context, arena, network, "avg", [...lossLayers(terms)]);
    models.set("avg", avg).set("max", { ...avg, pooling: "max" });
  });
  afterAll(() => context[Symbol.dispose]());

  describe.each(cases)("$height x $width, $pooling pooling", (expected) => {
    const { height, width, pooling, startSeed } = expected;
    const [content, style, start] = [1, 11, startSeed].map((seed) => seededPicture(seed, height, width)) as [
      Picture,
      Picture,
      Picture,
    ];

    async function objective(arena: ReturnType<GpuContext["arena"]>) {
      const model = models.get(pooling)!;
      const targets = {
        style: await styleTargets(context, model, [style], lossLayers(terms, "style")),
        content: await contentTargets(context, model, content, lossLayers(terms, "content")),
      };
      return context.guarded(() => recordObjective(context, arena, model, start, terms, targets));
    }

    test("activations at the loss layers", async () => {
      using arena = context.arena("test");
      const program = new Program(context, arena);
      const model = models.get(pooling)!;
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

    test("loss terms and image gradient", async () => {
      using arena = context.arena("test");
      const { program, gradient, ring } = await objective(arena);
      await program.run();
      const losses = parseRecord(await context.readFloats(ring, ring.size / 4), 0, terms.length);
      const names = ["relu4_2 content", ...Object.keys(lossWeights.styleLayers), "tv"];
      for (const [i, name] of names.entries()) {
        expect(Math.abs(losses.terms[i]! / expected.terms[name]! - 1), name).toBeLessThan(1e-5);
      }
      expect(Math.abs(losses.total / expected.loss - 1)).toBeLessThan(1e-5);
      const values = await context.readFloats(gradient, 3 * height * width);
      expect(relativeL2(values, stored(expected.gradient))).toBeLessThan(1e-4);
    });

    // The optimisers are the same for both families, and plain shaders are slow on a software adapter.
    test.runIf(family === "cpu").each<[name: "adam" | "lbfgs", create: CreateOptimizer]>([
      ["adam", adam({ learningRate: 0.02 })],
      ["lbfgs", lbfgs({ learningRate: 1, history: 100, maxSteps: 10 })],
    ])("first ten losses of %s", async (name, create) => {
      using arena = context.arena("test");
      const { program, image, gradient, ring, state } = await objective(arena);
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
