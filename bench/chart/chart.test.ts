import { expect, test } from "vitest";
import {
  exampleJob,
  exampleJobs,
  exampleMachine,
  exampleMeasurement,
  examplePeer,
} from "../testing/examples.ts";
import { curvesOf, jobChart } from "./job.ts";
import { panelsOf, stepsChart } from "./steps.ts";
import { linearAxis, logAxis } from "./svg.ts";

const report = {
  date: "2026-11-22T12:00:00.000Z",
  machine: exampleMachine,
  measurements: [exampleMeasurement(64, 100), exampleMeasurement(128, 400)],
  peers: [
    examplePeer("slow engine", 64, 5000),
    examplePeer("fast engine", 128, 50),
    { ...examplePeer("wrong engine", 64, 1), gradientNorm: 0.26 },
    { size: 64, engine: "missing engine", problem: "is not installed" },
  ],
};

/** Elements of `name` that are still open at the end, or closed without having been opened, make it throw. */
function elementsOf(svg: string, name: string): number {
  const open: string[] = [];
  let count = 0;
  for (const [, slash, tag, closed] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (tag === name && !slash) count++;
    if (slash && open.pop() !== tag) throw new Error(`Expected no end of ${tag} here.`);
    if (!slash && !closed) open.push(tag!);
  }
  if (open.length > 0) throw new Error(`Expected an end of ${open.join(", ")}.`);
  return count;
}

test("rows are sorted by time within a size, engines without a time and those with another gradient left out", () => {
  expect(panelsOf(report)).toEqual([
    {
      network: "vgg19",
      size: 64,
      rows: [
        { engine: "stylize", seconds: 0.1, isOurs: true },
        { engine: "slow engine", seconds: 5, isOurs: false },
      ],
    },
    {
      network: "vgg19",
      size: 128,
      rows: [
        { engine: "fast engine", seconds: 0.05, isOurs: false },
        { engine: "stylize", seconds: 0.4, isOurs: true },
      ],
    },
  ]);
});

test("networks have panels of their own", () => {
  const compact = { ...exampleMeasurement(64, 25), network: "compact" } as const;
  const peers = [
    examplePeer("slow engine", 64, 5000),
    { ...examplePeer("slow engine", 64, 800), network: "compact" },
  ] as const;
  const panels = panelsOf({ ...report, measurements: [report.measurements[0]!, compact], peers });
  expect(panels.map(({ network, rows }) => [network, rows.map(({ seconds }) => seconds)])).toEqual([
    ["vgg19", [0.1, 5]],
    ["compact", [0.025, 0.8]],
  ]);
});

test("the chart of steps is well-formed and names machine, day, engines and seconds", () => {
  const svg = stepsChart(report);
  expect(elementsOf(svg, "circle")).toBe(4);
  expect(svg).toContain("Processor &lt;X&gt; &amp; Sons, 2 cores, Node 20.20.0, 2026-11-22");
  expect(svg).toContain("llvmpipe: Mesa 25, 512-bit vectors");
  for (const text of ["vgg19, 64 x 64 pixels", "slow engine", "0.0500 s", "5.00 s"])
    expect(svg).toContain(`>${text}</text>`);
  expect(svg).toContain("prefers-color-scheme: dark");
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});

test("marks lie at their seconds", () => {
  const places = [...stepsChart(report).matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
  const [ours64, slow, fast, ours128] = places as [number, number, number, number];
  // the same ratios are the same distances
  expect((slow - ours64) / Math.log(50)).toBeCloseTo((ours128 - fast) / Math.log(8), 1);
});

test("nothing to draw", () => {
  expect(() => stepsChart({ ...report, measurements: [] })).toThrow("received none");
  expect(() => jobChart({ ...exampleJobs, jobs: [] })).toThrow("received none");
});

test("a job's curves: PyTorch without its losses that weren't finite, the default, the best", () => {
  const [pytorch, ours, best, ...rest] = curvesOf(exampleJob);
  expect(rest).toEqual([]);
  expect(pytorch).toMatchObject({ name: "PyTorch 1.13 cpu eager: 4.50 s", role: "other", end: [4.5, 0.2] });
  expect(pytorch!.points).toHaveLength(4);
  expect(ours).toMatchObject({ name: "stylize, default schedule (64): not reached", end: undefined });
  expect(best).toMatchObject({ name: "stylize, best schedule (45 x 15, 64): 2.00 s", early: [[1, 0.3]] });
});

test("the chart of a job is well-formed", () => {
  const svg = jobChart(exampleJobs);
  expect(elementsOf(svg, "path")).toBe(4);
  expect(svg).toContain("vgg19, 64 x 64 pixels");
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});

test.each([
  [[0.1, 5], 0.1, 5],
  [[0.25], 0.2, 0.5],
  [[1, 1000], 1, 1000],
])("a logarithmic axis over %j is from %d to %d or wider", (values, first, last) => {
  const { at, ticks } = logAxis(values, 10, 110);
  expect(ticks[0]).toBeLessThanOrEqual(first);
  expect(ticks.at(-1)).toBeGreaterThanOrEqual(last);
  expect(at(ticks[0]!)).toBeCloseTo(10);
  expect(at(ticks.at(-1)!)).toBeCloseTo(110);
  expect(ticks.length).toBeLessThan(12);
});

test("a linear axis ends at a round number", () => {
  const { at, ticks } = linearAxis(19.9, 0, 100);
  expect(ticks).toEqual([0, 5, 10, 15, 20]);
  expect(at(10)).toBeCloseTo(50);
});
