/** What holds for AWS Batch beside what holds for every job queue: its names, its faults, Spot. */
import { expect, test, vi } from "vitest";
import type { WorkerJob } from "../protocol/protocol.ts";
import { BatchJobQueue, type BatchJobQueueOptions } from "./batch-job-queue.ts";
import { type BatchOptions, startBatch } from "./testing/batch.ts";

const jobId = "0123456789abcdef".repeat(2);
const job: WorkerJob = {
  contentKey: `public/input/${jobId}.jpg`,
  style: "The Great Wave.jpg",
  requestId: `socket::${jobId}`,
  options: { steps: 10 },
};
const hold = `process.stdin.resume().on("end", () => process.exit(31)); console.log("ready");`;

/** Batch with workers that run `script`, and a queue in it. */
async function open(
  script: string,
  options: Partial<BatchOptions> = {},
  queueOptions: Partial<BatchJobQueueOptions> = {},
) {
  const lines: string[] = [];
  const batch = await startBatch({
    command: [process.execPath, "-e", script, "Ref::contentKey", "Ref::options"],
    killAfterMs: 1_000,
    onLine: (line) => lines.push(line),
    ...options,
  });
  const queue = new BatchJobQueue({ ...batch.options, ...queueOptions });
  return { batch, queue, lines, [Symbol.asyncDispose]: () => batch[Symbol.asyncDispose]() };
}

const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 20 });

test("submits under a name and a tag of the job's id, with parameters and a limit of time", async () => {
  await using place = await open(hold, {}, { timeoutSeconds: 600 });
  const id = await place.queue.submit(job);
  expect(place.batch.jobs.jobs.get(id)).toMatchObject({
    jobName: `stylize-${jobId}`,
    tags: { jobId },
    timeout: { attemptDurationSeconds: 600 },
    parameters: {
      contentKey: job.contentKey,
      style: job.style,
      requestId: job.requestId,
      options: '{"steps":10}',
    },
  });
});

test("throttling and errors are tried again, and start the job once", async () => {
  await using place = await open(hold);
  place.batch.fail("throttle", 1);
  place.batch.fail("error", 1);
  const id = await place.queue.submit(job);
  expect(place.batch.requests).toEqual(["submitjob", "submitjob", "submitjob"]);
  expect([...place.batch.jobs.jobs.keys()]).toEqual([id]);
});

test("an answer that is lost starts the job twice", async () => {
  await using place = await open(hold);
  place.batch.fail("lost-answer", 1, "submitjob");
  const id = await place.queue.submit(job);
  const [first, second] = place.batch.jobs.jobs.values();
  expect(second?.jobId).toBe(id);
  expect(first?.parameters).toEqual(second?.parameters);
});

test("errors that last are retryable, and so is no answer", async () => {
  await using place = await open(hold, {}, { callSeconds: 1 });
  place.batch.fail("error", 100, "submitjob");
  place.batch.fail("stall", 100, "describejobs");
  await expect(place.queue.submit(job)).rejects.toMatchObject({ name: "StoreError", retryable: true });
  await expect(place.queue.describe(["x"])).rejects.toMatchObject({ name: "StoreError", retryable: true });
  expect(place.batch.jobs.jobs.size).toBe(0);
});

test("refusals are not retryable, and check finds a wrong name", async () => {
  await using place = await open(hold);
  const wrong = new BatchJobQueue({ ...place.batch.options, jobQueue: "another" });
  await expect(wrong.submit(job)).rejects.toMatchObject({
    name: "StoreError",
    retryable: false,
    message: expect.stringContaining("another not found"),
  });
  await expect(wrong.check()).rejects.toMatchObject({
    message: expect.stringContaining("none of that name"),
  });
  const short = new BatchJobQueue({ ...place.batch.options, timeoutSeconds: 59 });
  await expect(short.submit(job)).rejects.toMatchObject({ retryable: false });
});

test("a worker whose machine is taken away starts anew; too often, and the job was interrupted", async () => {
  const script = `process.on("SIGTERM", () => process.exit(31)); ${hold}`;
  const events: string[] = [];
  await using place = await open(script, {
    attempts: 2,
    evaluateOnExit: [
      { onStatusReason: "Host EC2*", action: "RETRY" },
      { onReason: "*", action: "EXIT" },
    ],
    onEvent: (event) => events.push((event.detail as { status: string }).status),
  });
  const id = await place.queue.submit(job);
  for (const tries of [1, 2]) {
    await soon(() => expect(place.lines).toHaveLength(tries));
    place.batch.jobs.reclaim(id);
  }
  const failed = await soon(async () => {
    const [seen] = await place.queue.describe([id]);
    expect(seen!.state).toBe("failed");
    return seen!;
  });
  expect(failed).toMatchObject({ failure: "interrupted", exitCode: 31 });
  expect(failed.reason).toMatch(/^Host EC2/);
  const once = ["RUNNABLE", "STARTING", "RUNNING"];
  expect(events).toEqual(["SUBMITTED", "PENDING", ...once, ...once, "FAILED"]);
});

test("where the last rule ends all others, a worker that fails by itself is not tried again", async () => {
  await using place = await open("process.exit(1)", {
    evaluateOnExit: [
      { onStatusReason: "Host EC2*", action: "RETRY" },
      { onReason: "*", action: "EXIT" },
    ],
  });
  const id = await place.queue.submit(job);
  await soon(async () => expect((await place.queue.describe([id]))[0]!.state).toBe("failed"));
  expect(place.batch.jobs.jobs.get(id)!.attempts).toHaveLength(1);
});
