import { expect, test } from "vitest";
import { exampleJob } from "../testing/examples.ts";
import { bestRun, disagreements, jobText, pytorchReached, reachedBy, scheduleText } from "./tables.ts";

test("PyTorch met the target at its first loss that is as low, not at its last", () => {
  const [run] = exampleJob.pytorch;
  if (!run || "problem" in run) throw new Error("Expected a run.");
  expect(pytorchReached(run, 0.2)).toEqual({ steps: 3, seconds: 4.5, running: 4 });
  expect(pytorchReached(run, 0.05)).toBeUndefined();
});

test("the best run is the one that had its result first", () => {
  expect(bestRun(exampleJob.runs)).toBe(exampleJob.runs[1]);
  expect(reachedBy(exampleJob.runs[1]!)).toEqual({ steps: 1, seconds: 2, running: 1.5 });
  expect(bestRun([])).toBeUndefined();
});

test("scales with their steps, the last without", () => {
  expect(scheduleText(exampleJob.runs[1]!)).toBe("45 x 15, 64");
  expect(scheduleText({ ...exampleJob.runs[1]!, trace: [] })).toBe("45 x 15, ...");
});

test("the report", () => {
  const text = jobText(exampleJob);
  expect(text).toContain("## vgg19: seconds to a loss of 0.20000 at 64x64");
  expect(text).toContain("auvers.jpg, generated network; the target");
  expect(jobText({ ...exampleJob, network: "compact" })).toContain(
    "auvers.jpg, weights that ship; the target",
  );
  expect(text).toContain("| PyTorch 1.13 cpu eager | 64 | 3 | 4.50 | 4.00 | 1.00x | 400.0 MB |");
  expect(text).toContain("| stylize (best) | 45 x 15, 64 | 1 | 2.00 | 1.50 | 2.25x | 1000.0 MB |");
  expect(text).toContain("| stylize (default) | 64 | given up after 3.00 s | - | - | - | 1000.0 MB |");
  expect(jobText({ ...exampleJob, steps: 2 })).toContain("| stylize (default) | 64 | not reached | - |");
  expect(text).toContain("- PyTorch 1.13 cpu tf32: failed: no such thing");
  expect(text).toContain("| 45x45 | 15 | 1.00 | 0.30000 |");
  expect(text).not.toContain("DISAGREE");
});

test("losses that differ by more than 1e-3 are told", () => {
  const agreement = [
    { picture: "start", ours: 1, pytorch: 1.0005 },
    { picture: "our result", ours: 1, pytorch: 1.01 },
  ];
  expect(disagreements({ ...exampleJob, agreement })).toEqual(["our result: ours is 1 and PyTorch's 1.01"]);
  expect(
    disagreements({ ...exampleJob, agreement: [{ picture: "start", ours: Number.NaN, pytorch: 1 }] }),
  ).toHaveLength(1);
});
