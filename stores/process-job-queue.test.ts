/** What holds for child processes beside what holds for every job queue. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import type { WorkerJob } from "../protocol/protocol.ts";
import { ProcessJobQueue, type ProcessJobQueueOptions } from "./process-job-queue.ts";

const jobId = "0".repeat(32);
const job: WorkerJob = {
  contentKey: `private/input/${jobId}.png`,
  style: "style of $HOME; \"quotes\" 'and' all.jpg",
  requestId: `socket::${jobId}`,
  options: {},
};

/** Of a worker that runs until it is stopped, or its parent is gone. */
const hold = `process.stdin.resume().on("end", () => process.exit(31)); console.log("ready");`;

/** A queue of workers that run `script`, with what they said. */
function open(script: string, options: Partial<ProcessJobQueueOptions> = {}) {
  const log: string[] = [];
  const queue = new ProcessJobQueue({
    command: process.execPath,
    // The second script is only there to be told apart from the arguments.
    args: ["--input-type=module", "-e", script, "worker"],
    retryMs: 10,
    onLog: (text, { attempt }) => log.push(`${attempt}: ${text}`),
    ...options,
  });
  return { queue, log, [Symbol.asyncDispose]: () => queue.close() };
}

const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 20 });
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test("hands over the arguments without a shell, and what workers write, line by line", async () => {
  const script = `
    for (const argument of process.argv.slice(2)) console.log(argument);
    console.error("oh no");
    process.exit(1);`;
  await using place = open(script, { retries: 1 });
  const id = await place.queue.submit(job);
  const failed = await soon(async () => {
    const [seen] = await place.queue.describe([id]);
    expect(seen!.state).toBe("failed");
    return seen!;
  });
  expect(failed.reason).toBe("exit status 1: oh no");
  const lines = [job.contentKey, job.style, job.requestId, "{}"];
  const said = place.log.filter((line) => line.startsWith("1: "));
  expect(said.filter((line) => line !== "1: oh no" && line !== "1: exit status 1")).toEqual(
    lines.map((line) => `1: ${line}`),
  );
  expect(place.log).toContain("2: oh no");
  expect(place.log.at(-1)).toBe("2: exit status 1");
});

test("close lets workers write a checkpoint, and starts none anew", async () => {
  const script = `
    process.on("SIGTERM", () => { console.log("checkpoint"); process.exit(31); });
    ${hold}`;
  await using place = open(script);
  const running = await place.queue.submit(job);
  const waiting = await place.queue.submit(job);
  await soon(() => expect(place.log).toContain("1: ready"));
  await place.queue.close();
  expect(place.log).toEqual(["1: ready", "1: checkpoint", "1: exit status 31"]);
  expect(await place.queue.describe([running, waiting])).toEqual([
    { id: running, state: "queued" },
    { id: waiting, state: "queued" },
  ]);
  await expect(place.queue.submit(job)).rejects.toMatchObject({ name: "StoreError", retryable: true });
  await expect(place.queue.check()).rejects.toMatchObject({ name: "StoreError" });
});

test("close kills workers that won't stop", async () => {
  const script = `process.on("SIGTERM", () => {}); ${hold}`;
  await using place = open(script, { killAfterMs: 100 });
  await place.queue.submit(job);
  await soon(() => expect(place.log).toContain("1: ready"));
  await place.queue.close();
  expect(place.log).toEqual(["1: ready", "1: ended by SIGKILL"]);
});

test("a cancelled job does not wait for its next try", async () => {
  await using place = open("process.exit(1)", { retryMs: 3_600_000 });
  const id = await place.queue.submit(job);
  await soon(() => expect(place.log).toEqual(["1: exit status 1"]));
  await place.queue.cancel(id);
  await soon(async () => expect((await place.queue.describe([id]))[0]).toMatchObject({ state: "failed" }));
});

test("a job that is cancelled during its last try was cancelled, whatever its worker says", async () => {
  await using place = open(hold, { retries: 0 });
  const id = await place.queue.submit(job);
  await soon(() => expect(place.log).toEqual(["1: ready"]));
  await place.queue.cancel(id);
  const cancelled = { id, state: "failed", reason: "cancelled" };
  await soon(async () => expect(await place.queue.describe([id])).toEqual([cancelled]));
});

test("does not wait for what a worker leaves behind", async () => {
  const script = `
    import { spawn } from "node:child_process";
    const left = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit", detached: true });
    console.log(left.pid);
    process.exit(0);`;
  await using place = open(script);
  const id = await place.queue.submit(job);
  await soon(() => expect(place.log[0]).toMatch(/^1: \d+$/));
  const pid = Number(place.log[0]!.slice(3));
  try {
    await soon(async () => expect((await place.queue.describe([id]))[0]!.state).toBe("succeeded"));
    expect(isAlive(pid)).toBe(true);
  } finally {
    process.kill(pid, "SIGKILL");
  }
});

test("a worker ends with its parent, even if that is killed", async () => {
  const worker = `console.log(process.pid); ${hold}`;
  const url = new URL("./process-job-queue.ts", import.meta.url).href;
  const parent = `
    import { ProcessJobQueue } from ${JSON.stringify(url)};
    const args = ["--input-type=module", "-e", ${JSON.stringify(worker)}, "worker"];
    const queue = new ProcessJobQueue({ command: process.execPath, args, onLog: (text) => console.log(text) });
    await queue.submit(${JSON.stringify(job)});
    setInterval(() => {}, 1000);`;
  const args = ["--import", "tsx", "--input-type=module", "-e", parent];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = await once(createInterface(child.stdout), "line");
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    child.kill("SIGKILL");
    await soon(() => expect(isAlive(pid)).toBe(false));
  } finally {
    child.kill("SIGKILL");
  }
});
