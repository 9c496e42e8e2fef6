import { expect, test } from "vitest";
import { delaysOf, deliveriesOf, memoryOf, share } from "./figures.ts";
import type { ClientReport, JobSeen } from "./processes.ts";

const quiet = { broadcasts: [], strays: 0, failures: 0, refused: {}, disconnects: 0 };
const job = (jobId: string, more: Partial<JobSeen> = {}): JobSeen => ({
  jobId,
  isPublic: false,
  sentAt: 1000,
  acceptedAt: 1010,
  completedAt: 1250,
  completions: 1,
  ...more,
});

test("delays by the nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);
  expect(delaysOf(values)).toEqual({ count: 200, p50: 100, p95: 190, p99: 198, max: 200 });
  expect(delaysOf([7])).toEqual({ count: 1, p50: 7, p95: 7, p99: 7, max: 7 });
  expect(delaysOf([])).toBeUndefined();
});

test("what is missing, comes twice, or comes to others is counted", () => {
  const reports: ClientReport[] = [
    { ...quiet, jobs: [job("a"), job("b", { completions: 3 })], refused: { "too-many-jobs": 2 } },
    {
      ...quiet,
      jobs: [job("c", { completions: 0, completedAt: undefined })],
      strays: 1,
      refused: { "too-many-jobs": 1 },
    },
  ];
  const publishedAt = new Map([
    ["a", 1200],
    ["b", 1100],
    ["c", 1100],
  ]);
  expect(deliveriesOf(reports, publishedAt, { clients: 2, from: 0 })).toMatchObject({
    accepted: 3,
    missing: 1,
    duplicates: 2,
    strays: 1,
    refused: { "too-many-jobs": 3 },
    delivery: { count: 2, p50: 50, max: 150 },
    answer: { count: 3, max: 10 },
    fanOut: undefined,
  });
});

test("times of the warm-up don't count, its deliveries do", () => {
  const reports = [{ ...quiet, jobs: [job("a"), job("b")] }];
  const publishedAt = new Map([
    ["a", 1100],
    ["b", 1200],
  ]);
  expect(deliveriesOf(reports, publishedAt, { clients: 1, from: 1150 })).toMatchObject({
    accepted: 2,
    missing: 0,
    delivery: { count: 1, max: 50 },
  });
});

test("a broadcast ends with the last client of all processes", () => {
  const seen = { jobId: "a", clients: 2, duplicates: 0 };
  const reports = [
    { ...quiet, jobs: [job("a", { isPublic: true })], broadcasts: [{ ...seen, lastAt: 1300 }] },
    { ...quiet, jobs: [], broadcasts: [{ ...seen, clients: 1, duplicates: 4, lastAt: 1290 }] },
  ];
  expect(deliveriesOf(reports, new Map([["a", 1200]]), { clients: 4, from: 0 })).toMatchObject({
    broadcasts: 1,
    broadcastsMissing: 1,
    broadcastDuplicates: 4,
    fanOut: { max: 100 },
  });
});

test("CPU is told in percent of one core", () => {
  expect(share({ user: 100, system: 50 }, { user: 800, system: 350 }, 2000)).toBe(50);
});

test("memory is compared between the second and the last quarter", () => {
  const samples = [1, 2, 30, 4, 5, 6, 7, 90].map((rss) => ({ rss, heap: 0, external: 0 }));
  const at = (heap: number) => ({ rss: 0, heap, external: 0 });
  expect(memoryOf(samples, [at(10), at(12)])).toEqual({ rss: [17, 48.5], heap: [10, 12] });
});
