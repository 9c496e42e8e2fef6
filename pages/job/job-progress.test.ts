import { expect, test } from "vitest";
import type { JobView } from "../../client/index.ts";
import { paintingStage, stageOf } from "./job-progress.tsx";

const job: JobView = {
  jobId: "0".repeat(32),
  seq: 1,
  status: "queued",
  isPrivate: false,
  style: "great-wave.jpg",
  options: {},
  createdAt: 0,
};

test("a queued job tells its place and when it may be done", () => {
  expect(stageOf({ ...job, position: 3, etaMs: 240_000 })).toMatchObject({
    line: "3 pictures before yours.",
    timeLeft: "Done in about 4 minutes",
  });
  expect(stageOf({ ...job, position: 1 }).line).toBe("1 picture before yours.");
  expect(stageOf({ ...job, position: 0 }).line).toBe("Yours is the next.");
});

test("a job that runs and has not said how far is still warming up", () => {
  expect(stageOf({ ...job, status: "running" }).title).toBe("Warming up a GPU");
});

test("the tab tells each percent, and what is read out changes every tenth only", () => {
  const stages = Array.from({ length: 101 }, (_, step) => paintingStage(step, 100, 1_000));
  expect(new Set(stages.map(({ tab }) => tab)).size).toBe(101);
  expect(new Set(stages.map(({ announcement }) => announcement)).size).toBe(11);
  expect(stages[42]).toMatchObject({ tab: "42%", step: "Step 42 of 100", timeLeft: "a few seconds left" });
});

test("a failed job gives the service's reason", () => {
  const failure = { code: "too-large", message: "The picture is too large." } as const;
  expect(stageOf({ ...job, status: "failed", failure }).line).toBe(failure.message);
});
