import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pretendLimits } from "../../../tests/limits.ts";
import { GpuContext, type ShaderSource } from "../../gpu/context.ts";
import type { Precision } from "../../gpu/precision.ts";
import { vgg19 } from "../../network/layers.ts";
import { readShader } from "../../node.ts";
import { openTestContext } from "../testing/operations.ts";
import { kernelsFingerprint, parseKnown, serializeKnown } from "./known-kernels.ts";
import { candidatesFor, distinct, problemsOf, selfTest, tune } from "./tune.ts";
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
    const found = await tune(context, [small], { budgetMs: 600_000, onTuned: ({ key }) => told.push(key) });
    expect(context.liveBytes).toBe(before);
    expect(found).toHaveLength(1);
    const { key, variant, ms, defaultMs, timed } = found[0]!;
    expect(told).toEqual([problemKey(small)]);
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(defaultMs!);
    const names = variantsFor(small, context).map(({ name }) => name);
    expect(timed).toBe(Math.min(10, names.length));
    expect(found[0]!.wrong).toEqual([]);
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

/** A context of its own on the same device, with another text of one shader. */
function contextWith(name: string, change: (text: string) => string): GpuContext {
  const shaders: ShaderSource = (wanted) => {
    const text = readShader(wanted);
    if (wanted !== name) return text;
    expect(change(text), name).not.toBe(text);
    return change(text);
  };
  return new GpuContext(context.device, context.adapterInfo, shaders, { family: "gpu" });
}

const precisions = ["f32", "f16"] as const;
const oneConvolution = (precision: Precision): Problem => ({
  ...{ side: 3, direction: "forward", inChannels: 32, outChannels: 64, pixels: 64 },
  precision,
});

describe("a self-test", () => {
  it.each(precisions)("finds nothing wrong with our kernels in %s", async (precision) => {
    const before = context.liveBytes;
    expect((await selfTest(context, precision)).wrong).toEqual([]);
    expect(context.liveBytes).toBe(before);
  });

  it.each([
    ["Winograd's constants", "lib/winograd4", "d[0] - 2.5", "d[0] - 2.6", ["winograd4"]],
    [
      "values at the map's edge",
      "conv2d_winograd_input",
      "column < params.width",
      "column + 1u < params.width",
      ["winograd2", "winograd4"],
    ],
    [
      "signs",
      "lib/finish_forward",
      "] = word;",
      "] = word ^ 1u;",
      ["gemm-64x64-8x4", "winograd2", "winograd4"],
    ],
  ] as const)("names what has another idea of %s", async (_, shader, from, to, wrong) => {
    const faulty = contextWith(shader, (text) => text.replace(from, to));
    expect((await selfTest(faulty, "f32")).wrong).toEqual(wrong);
  });
});

describe("tuning on a faulty driver", () => {
  it.each(precisions)("passes over what is quick and wrong, in %s", async (precision) => {
    // A kernel that returns at once is the quickest of all.
    const faulty = contextWith("conv2d_gemm", (text) =>
      text.replace(/(fn main\([^{]*\{)/, "$1\n  if (CHANNELS == 32u && params.height > 0u) { return; }"),
    );
    pretendLimits(faulty, { maxComputeWorkgroupStorageSize: 9000 }); // for the three smallest tiles
    const problem = oneConvolution(precision);
    const [found] = await tune(faulty, [problem], { budgetMs: 600_000 });
    expect(found!.wrong).toEqual(expect.arrayContaining(["gemm-32x32-4x4", "gemm-32x64-4x4"]));
    expect(found!.variant).not.toContain("gemm-32x");
    expect(found!.defaultMs).toBeUndefined();
  });
});

describe("candidates", () => {
  it("are ten at most, of each method some, the usual one and most of the units that were found quick", () => {
    const pretended = contextWith("adam", (text) => `${text}\n`);
    pretended.matrixConfigs = [{ operand: "f16", m: 16, n: 16, k: 16, subgroup: 32, isAsked: false }];
    pretended.verdicts = new Map([["f16", { wrong: [], matrix: "matrix-f16-16x16x16" }]]);
    const names = candidatesFor(
      { ...oneConvolution("f16"), outChannels: 128, pixels: 2 ** 16 },
      pretended,
    ).map(({ name }) => name);
    expect(names).toHaveLength(10);
    const methods = names.map((name) => name.replace(/-\d+x\d+(-\d+x\d+)?(-double|-split\d)?$/, ""));
    const [matrix, ...others] = ["matrix-f16-16x16x16", "winograd4", "gemm", "gemm-f16", "winograd2"];
    expect(methods).toEqual([...Array(3).fill(matrix), ...others, matrix, matrix, "winograd4"].slice(0, 10));
  });
});

describe("what is kept", () => {
  const choices = new Map([
    ["b", "two"],
    ["a", "one"],
  ]);
  const verdicts = new Map([
    ["f16", { wrong: ["winograd4"], matrix: "matrix-f16-16x16x16" }],
    ["f32", { wrong: [] }],
  ]);
  const known = { choices, verdicts };
  const nothing = { choices: new Map(), verdicts: new Map() };

  it("comes back for the same adapter, driver and kernels", () => {
    const fingerprint = kernelsFingerprint(context);
    const text = serializeKnown(known, fingerprint);
    expect(parseKnown(text, fingerprint)).toEqual(known);
    expect(parseKnown(text, `${fingerprint}.`)).toEqual(nothing);
  });

  it("is for an adapter and its driver", () => {
    const of = (info: Partial<GPUAdapterInfo>) => {
      const adapterInfo = { vendor: "v", architecture: "a", device: "d", description: "driver 1", ...info };
      return kernelsFingerprint(new GpuContext(context.device, adapterInfo as GPUAdapterInfo, readShader));
    };
    expect(new Set([of({}), of({ description: "driver 2" }), of({ architecture: "b" })]).size).toBe(3);
  });

  it("is for the text of every shader that the variants are made of, whatever was found wrong", () => {
    const { device, adapterInfo } = context;
    const read = new Set<string>();
    const fingerprintWith = (changed?: string) => {
      const shaders = (name: string) => {
        read.add(name);
        return name === changed ? `${readShader(name)}\n// changed` : readShader(name);
      };
      const other = new GpuContext(device, adapterInfo, shaders);
      other.verdicts = changed ? new Map() : verdicts;
      return kernelsFingerprint(other);
    };
    const unchanged = fingerprintWith();
    expect(kernelsFingerprint(new GpuContext(device, adapterInfo, readShader))).toBe(unchanged);
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

  const text = serializeKnown(known, "f");
  it.each([
    ["nothing", ""],
    ["half a file", text.slice(0, text.length / 2)],
    ["another format", "[1, 2]"],
    ["null", "null"],
    ["no choices", '{"fingerprint": "f", "choices": null}'],
    [
      "choices that are none",
      '{"fingerprint": "f", "choices": {"a": 1, "b": {}}, "verdicts": {"f16": {"wrong": "all"}}}',
    ],
    ["another fingerprint", serializeKnown(known, "g")],
  ])("is nothing in a file that has %s", (_, damaged) => {
    expect(parseKnown(damaged, "f")).toEqual(nothing);
  });
});
