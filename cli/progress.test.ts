import { describe, expect, it } from "vitest";
import type { Iterate } from "../engine/iterate.ts";
import { TimeLeft } from "../engine/time-left.ts";
import { TestIo } from "../tests/io.ts";
import { clock } from "./io.ts";
import { createReporter, type RunStart, type Saved } from "./progress.ts";

const scales = [
  { width: 64, height: 48, steps: 4 },
  { width: 128, height: 96, steps: 2 },
];
const plan: RunStart = {
  adapter: "a GPU",
  family: "gpu",
  precision: "f16",
  network: "generated network",
  scales,
  output: "o.png",
};
const saved: Saved = {
  path: "o.png",
  width: 128,
  height: 96,
  step: 6,
  steps: 6,
  state: "done",
  seconds: 75,
};

function iterate(scale: number, step: number, ms: number): Iterate {
  const size = scales[scale]!;
  return {
    scale,
    scales: 2,
    ...size,
    step,
    totalStep: scale * 4 + step,
    totalSteps: 6,
    loss: 0.123456,
    content: 0.1,
    style: { relu1_1: 0.02 },
    tv: 0.003456,
    ms,
    gpuBytes: 1000,
    restored: false,
  };
}

describe("createReporter", () => {
  it("writes plain lines, no more than one of progress a second", () => {
    const io = new TestIo();
    const reporter = createReporter("people", io);
    reporter.start(plan);
    for (let step = 1; step <= 4; step++) reporter.step(iterate(0, step, 10_000));
    reporter.note("A remark.");
    reporter.saved(saved);
    reporter.end();
    expect(io.stdout.text).toBe("");
    expect(io.stderr.lines).toEqual([
      "Adapter: a GPU, gpu kernels in f16.",
      "Network: generated network.",
      "Scales: 64x48 (4 steps), 128x96 (2 steps).",
      "Preparing; the first run on an adapter takes longest, as its shaders are compiled.",
      "Step 1/4 at 64x48 (scale 1/2), loss 0.1235, 1:50 left",
      "A remark.",
      "Wrote 'o.png' (128x96) after 6 steps in 1:15.",
    ]);
  });

  it("draws one bar on a terminal, within its width, and puts other lines above it", () => {
    const columns = 100;
    const io = new TestIo(columns);
    const reporter = createReporter("people", io);
    reporter.start(plan);
    reporter.step(iterate(0, 1, 10_000));
    reporter.note("A remark.");
    reporter.step(iterate(1, 2, 10_000)); // the last step is drawn at once
    reporter.saved(saved);
    reporter.end();
    const text = io.stderr.text.replaceAll("\r\x1b[K", "<erased>");
    const [, , , , drawn, remark, last] = text.split("\n");
    expect(drawn).toMatch(
      /^\[#{5}-{25}\] Step 1\/4 at 64x48 \(scale 1\/2\), loss 0\.1235, 1:50 left<erased>A remark\.$/,
    );
    expect(remark).toMatch(/^\[#{5}-{25}\] Step 1.*<erased>\[#{30}\] Step 2\/2 .* 0:00 left$/);
    expect(last).toBe("Wrote 'o.png' (128x96) after 6 steps in 1:15.");
    expect(text.endsWith("1:15.\n")).toBe(true);
    for (const piece of text.split(/\n|<erased>/)) expect(piece.length).toBeLessThan(columns);
  });

  it("leaves a terminal on a line of its own when a run fails", () => {
    const io = new TestIo(40);
    const reporter = createReporter("people", io);
    reporter.start(plan);
    reporter.step(iterate(0, 1, 10));
    reporter.end();
    expect(io.stderr.text.endsWith("\n")).toBe(true);
  });

  it("writes JSON for machines, every step", () => {
    const io = new TestIo();
    const reporter = createReporter("json", io);
    reporter.start(plan);
    for (let step = 1; step <= 3; step++) reporter.step(iterate(0, step, 1000));
    reporter.saved(saved);
    reporter.note("A remark.");
    reporter.end();
    const events = io.stdout.lines.map((line) => JSON.parse(line));
    expect(events[0]).toEqual({ event: "start", ...plan });
    expect(events[1]).toEqual({ event: "step", ...iterate(0, 1, 1000), secondsLeft: 11 });
    expect(events.map(({ event }) => event)).toEqual(["start", "step", "step", "step", "saved", "note"]);
    expect(io.stderr.text).toBe("");
  });

  it("is silent when asked to be", () => {
    const io = new TestIo(80);
    const reporter = createReporter("quiet", io);
    reporter.start(plan);
    reporter.step(iterate(0, 1, 1000));
    reporter.saved(saved);
    reporter.note("A remark.");
    reporter.end();
    expect(io.stdout.text + io.stderr.text).toBe("");
  });
});

describe("TimeLeft", () => {
  it("goes by the pixels of the scales to come, and not by a slow first step", () => {
    const timeLeft = new TimeLeft(scales);
    expect(timeLeft.after(iterate(0, 1, 9000))).toBe(9 * (3 + 8));
    expect(timeLeft.after(iterate(0, 2, 1000))).toBe(2 + 8);
    expect(timeLeft.after(iterate(0, 3, 3000))).toBe(2 * (1 + 8));
    expect(timeLeft.after(iterate(0, 4, 2000))).toBe(2 * 8);
    expect(timeLeft.after(iterate(1, 1, 5000))).toBe(5);
    expect(timeLeft.after(iterate(1, 2, 5000))).toBe(0);
  });
});

describe("clock", () => {
  it.each([
    [0, "0:00"],
    [9.6, "0:10"],
    [75, "1:15"],
    [3599.7, "1:00:00"],
    [4000, "1:06:40"],
  ])("writes %d seconds as %s", (seconds, text) => {
    expect(clock(seconds)).toBe(text);
  });
});
