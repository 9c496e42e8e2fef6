import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BenchOptions, benchCommand } from "../options.ts";
import { exampleMachine } from "../testing/examples.ts";
import { filesOf, issuesOf, runParts } from "./bench.ts";
import { markdownOf } from "./markdown.ts";
import type { Part } from "./parts.ts";
import { planOf } from "./plan.ts";
import { type Personal, personalOf, scrubbed } from "./private.ts";
import type { AdapterDetails, GpuReport, PartRecords, Trial, TunedProblem } from "./report.ts";

const parse = (...flags: string[]) =>
  benchCommand()
    .parse(["--gpu-report", ...flags], { from: "user" })
    .opts<BenchOptions>();

const reportOf = (parts: PartRecords): GpuReport => ({
  kind: "gpu-report",
  date: "today",
  isQuick: false,
  parts,
});

describe("a quick report of this machine", () => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "stylize-gpu-report-"));
  const files = filesOf(join(folder, "report.md"), new Date());
  let [text, json] = ["", ""];
  beforeAll(async () => {
    const program = fileURLToPath(new URL("../main.ts", import.meta.url));
    const flags = ["--gpu-report", "--quick", "--sizes", "48", "--out", files.markdown];
    await promisify(execFile)(process.execPath, ["--import", import.meta.resolve("tsx"), program, ...flags]);
    text = readFileSync(files.markdown, "utf8");
    json = readFileSync(files.json, "utf8");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("says first that a processor is no GPU", () => {
    const isSoftware = JSON.parse(json).parts.machine.result.adapter.isSoftware;
    expect(text.slice(0, 200).includes("This is no GPU")).toBe(isSoftware);
  });

  test("has every part, none of which failed", () => {
    const { parts }: GpuReport = JSON.parse(json);
    expect(Object.keys(parts)).toHaveLength(10);
    for (const part of Object.values(parts)) {
      if (part.isLeftOut) continue;
      expect(part.problem).toBeUndefined();
      expect(part.result).toBeDefined();
    }
    expect(text).not.toMatch(/failed|could not be told|Not reached|undefined|NaN/);
  });

  test("finds every kind of convolution right in both precisions, and times its variants", () => {
    const { operations, tuning, peaks }: PartRecords = JSON.parse(json).parts;
    const tests = operations!.result!;
    expect(tests.filter(({ verdict }) => verdict !== "right")).toEqual([]);
    expect(new Set(tests.map(({ kind, precision }) => `${kind} ${precision}`)).size).toBe(6);
    for (const { trials } of tuning!.result!.problems) {
      expect(trials.length).toBeGreaterThan(0);
      for (const { ms } of trials) expect(ms).toBeGreaterThan(0);
    }
    for (const { value } of peaks!.result!) expect(value).toBeGreaterThan(0);
  });

  test("says nothing of whose machine it is", () => {
    for (const told of [text, json]) {
      expect(told).not.toContain(folder);
      expect(scrubbed(told, personalOf())).toBe(told);
      expect(told).not.toMatch(/\/(home|Users|root|tmp|work)\//);
    }
  });
});

const result = [{ what: "products, f32", unit: "GFLOP/s", value: 5 }] as const;

test("a part that throws leaves the others, and what it had found", async () => {
  const written: PartRecords[] = [];
  const parts: Part[] = [
    {
      name: "peaks",
      title: "",
      about: "",
      run: async (keep) => {
        keep(result);
        throw new Error("The device | was lost.");
      },
    },
    { name: "operations", title: "", about: "", run: async (keep) => keep([]) },
    { name: "suite", title: "", about: "", leftOut: "not today", run: () => Promise.reject(new Error()) },
  ];
  const found = await runParts(parts, {}, (records) => written.push(records));
  expect(found.peaks).toMatchObject({ result, problem: "The device | was lost." });
  expect(found.operations).toEqual({ result: [], seconds: expect.any(Number) });
  expect(written.map((records) => Object.keys(records).length)).toEqual([0, 1, 2, 3]);
  const text = markdownOf(reportOf(found));
  expect(text).toContain("**This part failed:** The device \\| was lost.");
  expect(text).toContain("| products, f32 | 5.00 GFLOP/s |");
  expect(text).toContain("parts that failed: Peaks**");
  expect(text).toContain("not today");
});

test("what a killed process wrote says that there was more to come", () => {
  const text = markdownOf(reportOf({ peaks: { result, isUnfinished: true, seconds: 1 } }));
  expect(text).toContain("had not ended");
  expect(text).toContain("Not reached.");
});

const personal: Personal = {
  folders: [
    ["/home/ada", "~"],
    ["/home/ada/stylize", "<clone>"],
    ["C:\\Users\\Ada", "~"],
  ],
  names: [
    ["lovelace-pc", "<host>"],
    ["ada", "<user>"],
    ["root", "<user>"],
  ],
};

test.each([
  ["at /home/ada/stylize/engine/x.ts:3", "at <clone>/engine/x.ts:3"],
  ["file:///home/ada/.cache/a", "file://~/.cache/a"],
  ["C:\\Users\\Ada\\AppData", "~\\AppData"],
  ["file:///C:/Users/Ada/a", "file:///~/a"],
  ["/home/bob/python", "/home/<user>/python"],
  ["ADA on Lovelace-PC, adapter 'Ada Lovelace'", "<user> on <host>, adapter '<user> Lovelace'"],
  ["the root of squares; adapter", "the root of squares; adapter"],
])("%s loses what is personal", (text, clean) => {
  expect(scrubbed(text, personal)).toBe(clean);
});

test("files go to a folder, or have the name that is given", () => {
  const date = new Date("2026-12-01T10:00:00Z");
  expect(filesOf("/a/b", date).markdown).toBe("/a/b/stylize-gpu-report-2026-12-01.md");
  expect(filesOf("/a/b.md", date)).toEqual({ markdown: "/a/b.md", json: "/a/b.json" });
});

test("issues are filed where the manifest says", () => {
  expect(issuesOf({ bugs: { url: "https://a.example/issues" } })).toBe("https://a.example/issues");
  expect(issuesOf({ repository: { url: "git+https://a.example/b.git" } })).toBe("https://a.example/b/issues");
  expect(issuesOf({})).toContain("this clone comes from");
});

test("what is measured depends on the adapter", () => {
  const gpu = { isSoftware: false, family: "gpu", usedFeatures: ["shader-f16"] } as unknown as AdapterDetails;
  expect(planOf(parse(), gpu)).toMatchObject({
    isQuick: false,
    sizes: [256, 512, 1024],
    networks: ["vgg19", "compact", "compact-small"],
    precisions: ["f16", "f32"],
  });
  expect(planOf(parse("--network", "compact"), { ...gpu, usedFeatures: [] })).toMatchObject({
    networks: ["compact"],
    precisions: ["f32"],
  });
  expect(planOf(parse(), { ...gpu, isSoftware: true, family: "cpu" })).toMatchObject({
    isQuick: true,
    precisions: ["f32"],
    tunedPrecisions: ["f16", "f32"],
  });
});

const trial = (variant: string, ms: number, verdict: Trial["verdict"] = "right"): Trial => ({
  ...{ variant, ms, verdict },
  method: "gemm",
});

const tuned = (i: number, trials: readonly Trial[]): TunedProblem => ({
  key: `forward 3x3 64-64 2^${i} f16`,
  problem: {
    ...({ side: 3, direction: "forward", precision: "f16" } as const),
    ...{ inChannels: 64, outChannels: 64, pixels: 2 ** 10 },
  },
  operations: 1e9,
  users: ["compact at 256 px"],
  usual: "gemm-32x32-4x4",
  trials,
});

test("shares are of the best that is right, and constants stand beside what they were chosen for", () => {
  const trials = [
    trial("gemm-32x32-4x4", 4),
    trial("gemm-64x64-8x4", 2),
    trial("matrix-x-16x16", 1, "wrong"),
  ];
  const tuning = { verdicts: {}, problems: [tuned(10, trials)], runs: [] };
  const text = markdownOf(reportOf({ tuning: { result: tuning, seconds: 1 } }));
  expect(text).toContain("| forward 3x3 64-64 2^10 | gemm-64x64-8x4 | 2.00 | 500 | gemm-32x32-4x4 | 50 % |");
  expect(text).toContain("| forward 3x3 64-64 2^10 | 50 | 100 | **wrong** |");
  expect(text).toContain("| 64 to 127 | 1 | 50 % | 50 % |");
  expect(text).toContain("120 ms with the slowest default");
});

test("the text of an issue holds no more than GitHub takes", () => {
  const trials = Array.from({ length: 40 }, (_, i) => trial(`gemm-${i}x32-4x4`, i + 1));
  const problems = Array.from({ length: 250 }, (_, i) => tuned(i, trials));
  const tuning = { verdicts: {}, problems, runs: [] };
  const text = markdownOf(reportOf({ machine: machine(), tuning: { result: tuning, seconds: 1 } }));
  expect(text.length).toBeLessThan(65_000);
  expect(text).toContain("The longest tables are left out");
  expect(text).toContain("The engine's constants");
});

function machine(): NonNullable<PartRecords["machine"]> {
  const adapter: AdapterDetails = {
    ...{
      name: "A GPU",
      isSoftware: false,
      vendor: "v",
      architecture: "a",
      device: "d",
      description: "driver 1",
    },
    ...{
      backend: "vulkan",
      family: "gpu",
      subgroupMinSize: 32,
      subgroupMaxSize: 32,
      features: [],
      usedFeatures: [],
    },
    ...{ limits: {}, matrixConfigs: [], all: ["A GPU"] },
    listedMatrixConfigs: [{ M: 16, N: 16, K: 16 }],
  };
  return { result: { version: "0.1.0", machine: exampleMachine, system: "Linux", adapter }, seconds: 1 };
}
