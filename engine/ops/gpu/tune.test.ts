import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GpuContext } from "../../gpu/context.ts";
import { vgg19 } from "../../network/layers.ts";
import { readShader } from "../../node.ts";
import { openTestContext } from "../testing/operations.ts";
import { choicesFingerprint, parseChoices, serializeChoices } from "./choices.ts";
import { distinct, problemsOf, tune } from "./tune.ts";
import { chosenVariant, type Problem, problemKey, variantsFor } from "./variants.ts";

const small: Problem = {
  ...{ side: 1, direction: "backward", inChannels: 64, outChannels: 64, pixels: 60 },
  precision: "f16",
};

let context: GpuContext;
beforeAll(async () => {
  context = await openTestContext("gpu");
});
afterAll(() => context[Symbol.dispose]());

describe("tuning", () => {
  it("finds a variant that the problem can be computed in, and frees its memory", async () => {
    const before = context.liveBytes;
    const told: string[] = [];
    const found = await tune(context, [small], { budgetMs: 60_000, onTuned: ({ key }) => told.push(key) });
    expect(context.liveBytes).toBe(before);
    expect(found).toHaveLength(1);
    const { key, variant, ms, defaultMs, timed } = found[0]!;
    expect(told).toEqual([problemKey(small)]);
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(defaultMs);
    const names = variantsFor(small, context).map(({ name }) => name);
    expect(timed).toBe(names.length);
    expect(names).toContain(variant);
    context.choices = new Map([[key, variant]]);
    expect(chosenVariant(small, context).name).toBe(variant);
    expect(problemKey({ ...small, precision: "f32" })).not.toBe(key);
  });

  it("times no problem that it does not reach in its time, nor after it was stopped", async () => {
    expect(await tune(context, [small], { budgetMs: -1 })).toEqual([]);
    expect(await tune(context, [small], { signal: AbortSignal.abort() })).toEqual([]);
  });

  it("looks at each shape of a picture once, the most work first", () => {
    const problems = problemsOf(vgg19, { height: 512, width: 512 }, "f16");
    const keys = problems.map(problemKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toContain("forward 3x3 64-64 2^18 f16");
    expect(keys).toContain("backward 3x3 512-256 2^12 f16");
    expect(keys).toContain("backward 1x1 512-512 2^10 f16");
    const work = problems.map(
      ({ side, inChannels, outChannels, pixels }) => side * side * inChannels * outChannels * pixels,
    );
    expect(work).toEqual(work.toSorted((a, b) => b - a));
    expect(distinct([...problems, ...problems])).toHaveLength(problems.length);
  });
});

describe("kept choices", () => {
  const choices = new Map([
    ["b", "two"],
    ["a", "one"],
  ]);

  it("come back for the same adapter, driver and kernels", () => {
    const fingerprint = choicesFingerprint(context, "1.2.3");
    const text = serializeChoices(choices, fingerprint);
    expect(parseChoices(text, fingerprint)).toEqual(choices);
    expect(parseChoices(text, choicesFingerprint(context, "1.2.4")).size).toBe(0);
  });

  it("are for an adapter and its driver", () => {
    const of = (info: Partial<GPUAdapterInfo>) => {
      const adapterInfo = { vendor: "v", architecture: "a", device: "d", description: "driver 1", ...info };
      return choicesFingerprint(
        new GpuContext(context.device, adapterInfo as GPUAdapterInfo, readShader),
        "1.2.3",
      );
    };
    expect(new Set([of({}), of({ description: "driver 2" }), of({ architecture: "b" })]).size).toBe(3);
  });

  it("are for the text of every shader that the variants are made of", () => {
    const { device, adapterInfo } = context;
    const read = new Set<string>();
    const fingerprintWith = (changed?: string) => {
      const shaders = (name: string) => {
        read.add(name);
        return name === changed ? `${readShader(name)}\n// changed` : readShader(name);
      };
      return choicesFingerprint(new GpuContext(device, adapterInfo, shaders), "1.2.3");
    };
    const unchanged = fingerprintWith();
    expect(fingerprintWith()).toBe(unchanged);
    expect([...read]).toEqual(
      expect.arrayContaining([
        ...["conv2d_gemm", "conv2d_winograd_input", "conv2d_winograd_output", "conv2d_winograd_weights"],
        ...["signs", "weights_f32", "weights_texel", "linear_index", "texel_f16", "winograd4"].map(
          (name) => `lib/${name}`,
        ),
      ]),
    );
    for (const name of [...read]) expect(fingerprintWith(name), name).not.toBe(unchanged);
    expect(fingerprintWith("adam")).toBe(unchanged);
  });

  const text = serializeChoices(choices, "f");
  it.each([
    ["nothing", ""],
    ["half a file", text.slice(0, text.length / 2)],
    ["another format", "[1, 2]"],
    ["null", "null"],
    ["no choices", '{"fingerprint": "f", "choices": null}'],
    ["choices that are none", '{"fingerprint": "f", "choices": {"a": 1, "b": {}}}'],
    ["another fingerprint", serializeChoices(choices, "g")],
  ])("are none in a file that has %s", (_, damaged) => {
    expect(parseChoices(damaged, "f")).toEqual(new Map());
  });
});
