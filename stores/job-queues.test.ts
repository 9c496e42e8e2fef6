/** What holds for every job queue: the same tests over child processes and over AWS Batch. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { WorkerJob } from "../protocol/protocol.ts";
import { BatchJobQueue } from "./batch-job-queue.ts";
import type { JobQueue, QueuedJob } from "./job-queue.ts";
import { ProcessJobQueue } from "./process-job-queue.ts";
import { startBatch } from "./testing/batch.ts";

interface Place extends AsyncDisposable {
  readonly queue: JobQueue;
  /** Where workers leave notes. */
  readonly folder: string;
}

const noRetry = 20;

/** What a worker does is in its style's name: the queues don't look at it. */
const worker = `
  import { appendFileSync, existsSync } from "node:fs";
  import { join } from "node:path";
  const [contentKey, style, requestId, options] = process.argv.slice(2);
  const attempt = process.env.AWS_BATCH_JOB_ATTEMPT ?? process.env.STYLIZE_ATTEMPT;
  const note = (text) => appendFileSync(join(process.env.NOTES, requestId.slice(-4)), text + "\\n");
  if (process.env.STYLIZE_PARENT_PIPE === "1") process.stdin.resume().on("end", () => process.exit(31));
  const [what, value] = style.split(" ");
  note([attempt + " of " + process.env.STYLIZE_ATTEMPTS, contentKey, options].join(" "));
  const hold = () => setInterval(() => existsSync(join(process.env.NOTES, "go")) && process.exit(0), 10);
  if (what === "exit") process.exit(Number(value));
  if (what === "kill") process.kill(process.pid, value);
  if (what === "once") process.exit(attempt === "1" ? Number(value) : 0);
  if (what === "hold") hold();
  if (what === "polite") { process.on("SIGTERM", () => { note("checkpoint"); process.exit(31); }); note("ready"); hold(); }
  if (what === "stubborn") { process.on("SIGTERM", () => note("ignored")); note("ready"); hold(); }
`;

function scratch() {
  const folder = mkdtempSync(join(tmpdir(), "job-queue-"));
  writeFileSync(join(folder, "worker.mjs"), worker);
  return folder;
}

interface Options {
  readonly concurrency?: number;
  readonly command?: string;
  readonly timeoutSeconds?: number;
}

async function ofProcesses(options: Options = {}): Promise<Place> {
  const folder = scratch();
  const queue = new ProcessJobQueue({
    command: process.execPath,
    args: [join(folder, "worker.mjs")],
    env: { ...process.env, NOTES: folder },
    noRetryCodes: [noRetry],
    killAfterMs: 1_000,
    retryMs: 10,
    ...options,
  });
  async function dispose() {
    await queue.close();
    rmSync(folder, { recursive: true });
  }
  return { queue, folder, [Symbol.asyncDispose]: dispose };
}

async function ofBatch({ command = process.execPath, timeoutSeconds, ...options }: Options = {}) {
  const folder = scratch();
  const parameters = ["Ref::contentKey", "Ref::style", "Ref::requestId", "Ref::options"];
  const batch = await startBatch({
    command: [command, join(folder, "worker.mjs"), ...parameters],
    env: { ...process.env, NOTES: folder },
    evaluateOnExit: [{ onExitCode: String(noRetry), action: "EXIT" }],
    killAfterMs: 1_000,
    minTimeoutSeconds: 1,
    ...options,
  });
  const queue = new BatchJobQueue({ ...batch.options, timeoutSeconds });
  async function dispose() {
    await queue.close();
    await batch[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
  return { queue, folder, [Symbol.asyncDispose]: dispose };
}

function job(number: number, what: string): WorkerJob {
  const jobId = number.toString(16).padStart(32, "0");
  return {
    contentKey: `public/input/${jobId}.jpg`,
    style: what,
    requestId: `socket-${number}::${jobId}`,
    options: { size: 64, strength: "bold" },
  };
}

function notes(place: Place, number: number): string[] {
  const file = join(place.folder, number.toString(16).padStart(4, "0"));
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

async function stateOf(place: Place, id: string): Promise<QueuedJob> {
  return (await place.queue.describe([id]))[0]!;
}

const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 20 });

async function ended(place: Place, id: string): Promise<QueuedJob> {
  return soon(async () => {
    const job = await stateOf(place, id);
    expect(job.state).toMatch(/^(succeeded|failed)$/);
    return job;
  });
}

const go = (place: Place) => writeFileSync(join(place.folder, "go"), "");

describe.each([
  ["child processes", ofProcesses],
  ["AWS Batch", ofBatch],
] as const)("a job queue of %s", (_name, open) => {
  test("starts the worker with its arguments, once, and says that it succeeded", async () => {
    await using place = await open();
    const id = await place.queue.submit(job(1, "exit 0"));
    expect(await ended(place, id)).toEqual({ id, state: "succeeded" });
    const { contentKey, options } = job(1, "");
    expect(notes(place, 1)).toEqual([`1 of 3 ${contentKey} ${JSON.stringify(options)}`]);
  });

  test("tries again after a failure, and after a signal", async () => {
    await using place = await open();
    const id = await place.queue.submit(job(1, "once 1"));
    expect((await ended(place, id)).state).toBe("succeeded");
    expect(notes(place, 1).map((note) => note.slice(0, 6))).toEqual(["1 of 3", "2 of 3"]);

    const killed = await place.queue.submit(job(2, "kill SIGKILL"));
    expect(await ended(place, killed)).toMatchObject({ state: "failed", exitCode: 137 });
    expect(notes(place, 2)).toHaveLength(3);
  });

  test("gives up after the last try", async () => {
    await using place = await open();
    const id = await place.queue.submit(job(1, "exit 7"));
    expect(await ended(place, id)).toMatchObject({ id, state: "failed", exitCode: 7 });
    expect((await stateOf(place, id)).reason).toMatch(/\w/);
    expect(notes(place, 1)).toHaveLength(3);
  });

  test("does not try again what can't succeed", async () => {
    await using place = await open();
    const id = await place.queue.submit(job(1, `exit ${noRetry}`));
    expect(await ended(place, id)).toMatchObject({ state: "failed", exitCode: noRetry });
    expect(notes(place, 1)).toHaveLength(1);
  });

  test("a worker that can't be started fails its job, without an exit status", async () => {
    await using place = await open({ command: "no-such-program-here" });
    const failed = await ended(place, await place.queue.submit(job(1, "exit 0")));
    expect(failed.state).toBe("failed");
    expect(failed.exitCode).toBeUndefined();
    expect(failed.reason).toContain("ENOENT");
  });

  test("first come, first served, as many at a time as there are workers", async () => {
    await using place = await open({ concurrency: 2 });
    const ids: string[] = [];
    for (const number of [1, 2, 3, 4]) ids.push(await place.queue.submit(job(number, "hold")));
    const states = async () => (await place.queue.describe(ids)).map(({ state }) => state);
    await soon(async () => expect(await states()).toEqual(["running", "running", "queued", "queued"]));
    go(place);
    await soon(async () => expect(new Set(await states())).toEqual(new Set(["succeeded"])));
    for (const number of [1, 2, 3, 4]) expect(notes(place, number)).toHaveLength(1);
  });

  test("describes in the order that it is asked, unknown jobs too, hundreds at once", async () => {
    await using place = await open();
    const running = await place.queue.submit(job(1, "hold"));
    const waiting = await place.queue.submit(job(2, "hold"));
    await soon(async () => expect((await stateOf(place, running)).state).toBe("running"));
    const ids = Array.from({ length: 250 }, (_, i) => `unknown-${i}`);
    // At the edges of what Batch describes at a time.
    for (const i of [0, 249]) ids[i] = waiting;
    ids[100] = running;
    const state = (id: string) => (id === waiting ? "queued" : id === running ? "running" : "lost");
    expect(await place.queue.describe(ids)).toEqual(ids.map((id) => ({ id, state: state(id) })));
    expect(await place.queue.describe([])).toEqual([]);
  });

  test("cancels a job that waits: it never starts", async () => {
    await using place = await open();
    await place.queue.submit(job(1, "hold"));
    const waiting = await place.queue.submit(job(2, "exit 0"));
    const last = await place.queue.submit(job(3, "exit 0"));
    await place.queue.cancel(waiting);
    expect((await stateOf(place, waiting)).state).toBe("failed");
    go(place);
    expect((await ended(place, last)).state).toBe("succeeded");
    expect(notes(place, 2)).toEqual([]);
  });

  test("cancels a job that runs: the worker is asked to stop, and not started again", async () => {
    await using place = await open();
    const id = await place.queue.submit(job(1, "polite"));
    await soon(() => expect(notes(place, 1)).toContain("ready"));
    await place.queue.cancel(id);
    const { state, reason, failure } = await ended(place, id);
    expect({ state, failure }).toEqual({ state: "failed", failure: undefined });
    expect(reason).toContain("cancelled");
    expect(notes(place, 1).slice(1)).toEqual(["ready", "checkpoint"]);
  });

  test("kills a worker that won't stop, and starts the next job", async () => {
    await using place = await open();
    const id = await place.queue.submit(job(1, "stubborn"));
    await soon(() => expect(notes(place, 1)).toContain("ready"));
    const next = await place.queue.submit(job(2, "exit 0"));
    await place.queue.cancel(id);
    expect((await ended(place, id)).state).toBe("failed");
    expect((await ended(place, next)).state).toBe("succeeded");
    expect(notes(place, 1)).toContain("ignored");
  });

  test("cancelling what has ended, or never was, does nothing", async () => {
    await using place = await open();
    const id = await place.queue.submit(job(1, "exit 0"));
    expect((await ended(place, id)).state).toBe("succeeded");
    await place.queue.cancel(id);
    await place.queue.cancel("00000000-0000-4000-8000-000000000000");
    expect((await stateOf(place, id)).state).toBe("succeeded");
  });

  test("a try that takes too long fails its job for good", async () => {
    await using place = await open({ timeoutSeconds: 1 });
    const failed = await ended(place, await place.queue.submit(job(1, "hold")));
    expect(failed).toMatchObject({ state: "failed", failure: "timed-out" });
    expect(notes(place, 1).join()).not.toContain("2 of 3");
  });

  test("check passes where there is a queue", async () => {
    await using place = await open();
    await place.queue.check();
  });
});
