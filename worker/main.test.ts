/** The worker as a process, as AWS Batch and a gateway on one machine run it. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openContext } from "../engine/node.ts";
import { exitCodes } from "../protocol/exit-codes.ts";
import { jobIdOf, keys, type WorkerJob } from "../protocol/protocol.ts";
import { shippedFor } from "../weights/shipped.ts";
import { argumentsOf, TestWorker } from "./testing/process.ts";
import { badPictures, picture, TestService } from "./testing/service.ts";

let service: TestService;
let software: boolean;
beforeAll(async () => {
  service = await TestService.open();
  using context = await openContext({ giveWay: true });
  software = context.isSoftware;
  long.steps = software ? 40 : 2000; // some seconds
});
afterAll(() => service[Symbol.asyncDispose]());

const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  new TestWorker(args, { ...service.env, ...env });
const startJob = (job: WorkerJob, env?: Readonly<Record<string, string>>) => start(argumentsOf(job), env);

const outputKey = (job: WorkerJob) => keys.output(true, jobIdOf(job.requestId));
const completion = (job: WorkerJob) => ({ requestId: job.requestId, resultKey: outputKey(job) });
const long = { size: 40, steps: 0 };

/** Resolves once `condition` holds, or throws when the worker has ended before. */
async function until(worker: TestWorker, condition: () => boolean | Promise<boolean>): Promise<void> {
  let ended = false;
  void worker.exit.then(() => {
    ended = true;
  });
  while (!(await condition())) {
    if (ended) throw new Error(`The worker ended too early: ${worker.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Runs the job to its end and checks that it went on from step `from` or a later one. */
async function expectResumed(job: WorkerJob, from: number): Promise<void> {
  await using worker = startJob(job, { STYLIZE_ATTEMPT: "2" });
  expect(await worker.exit).toBe(exitCodes.done);
  const begin = worker.log.find(({ msg }) => msg === "job begins");
  expect(begin?.from).toEqual([0, expect.toSatisfy((step) => step >= from && step <= long.steps)]);
  await service.settled();
  expect(service.endsOf(job)).toEqual([completion(job)]);
  const { body } = (await service.objects.get(outputKey(job)))!;
  expect(await sharp(body).metadata()).toMatchObject({ format: "png", width: 40, height: 40 });
  expect(await service.keysUnder("private/checkpoint/")).toEqual([]);
}

describe("a worker", () => {
  it("does a job, and the second time only tells of it", async () => {
    const job = await service.job(await picture(1, 40, 40), { size: 40, steps: 3 });
    for (const times of [1, 2]) {
      await using worker = startJob(job);
      expect(await worker.exit).toBe(exitCodes.done);
      await service.settled();
      expect(service.endsOf(job)).toEqual(Array(times).fill(completion(job)));
      expect(worker.log.at(-1)).toMatchObject({ jobId: jobIdOf(job.requestId), msg: "job done" });
      expect(worker.stdout).toBe("");
      expect(worker.log.some(({ msg }) => msg === "job begins")).toBe(times === 1);
    }
  });

  it("paints with the network that ships where none was named or fetched, and says so", async () => {
    const job = await service.job(await picture(9, 40, 40), { size: 40, steps: 1 });
    await using worker = startJob(job, { STYLIZE_WEIGHTS: "", STYLIZE_CACHE: join(tmpdir(), "none") });
    expect(await worker.exit).toBe(exitCodes.done);
    expect(worker.log.find(({ msg }) => msg === "job begins")).toMatchObject({
      network: shippedFor({ isSoftware: software }).name,
    });
  });

  it.each([
    ["SIGTERM", 2],
    ["SIGHUP", 8],
  ] as const)("writes a checkpoint at %s and goes on from it", async (signal, seed) => {
    const job = await service.job(await picture(seed, 40, 40), long);
    await using worker = startJob(job);
    await until(worker, () => (service.stepsOf(job).at(-1) ?? 0) >= 3);
    const before = Date.now();
    worker.child.kill(signal);
    expect(await worker.exit).toBe(exitCodes.interrupted);
    expect(Date.now() - before).toBeLessThan(15_000);
    await service.settled();
    expect(service.endsOf(job)).toEqual([]);
    await expectResumed(job, service.stepsOf(job).at(-1)!);
  });

  it("killed, is followed by another that goes on from the last checkpoint", async () => {
    const job = await service.job(await picture(3, 40, 40), long);
    const checkpoint = keys.checkpoint(jobIdOf(job.requestId));
    await using worker = startJob(job, { STYLIZE_CHECKPOINT_SECONDS: "1" });
    await until(worker, async () => (await service.objects.head(checkpoint)) !== undefined);
    worker.child.kill("SIGKILL");
    expect(await worker.exit).toBe("SIGKILL");
    expect(await service.objects.head(outputKey(job))).toBeUndefined();
    await expectResumed(job, 1);
  });

  it("drains jobs from standard input in one process", async () => {
    const options = { size: 40, steps: 2 };
    const good = await service.job(await picture(4, 40, 40), options);
    const bad = await service.job(await badPictures["a truncated JPEG"]!(), options);
    const other = await service.job(await picture(5, 44, 36), options);
    const missing = { ...(await service.job(await picture(6, 40, 40), options)), style: "none.jpg" };
    await using worker = start(["--drain"]);
    const lines = [good, bad, "{}", other, missing].map((line) =>
      typeof line === "string" ? line : JSON.stringify(line),
    );
    worker.child.stdin!.end(`${lines.join("\n")}\n`);
    expect(await worker.exit).toBe(exitCodes.done);
    const answer = (job: WorkerJob | null, outcome: "done" | "bad-input") => {
      return { requestId: job?.requestId ?? null, outcome, exitCode: exitCodes[outcome] };
    };
    expect(
      worker.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      answer(good, "done"),
      answer(bad, "bad-input"),
      answer(null, "bad-input"),
      answer(other, "done"),
      answer(missing, "bad-input"),
    ]);
    await service.settled();
    expect(service.endsOf(good)).toEqual([completion(good)]);
    expect(service.endsOf(bad)).toEqual([{ requestId: bad.requestId, failure: "bad-content" }]);
    expect(service.endsOf(other)).toEqual([completion(other)]);
    expect(service.endsOf(missing)).toEqual([{ requestId: missing.requestId, failure: "missing-input" }]);
  });

  it("stops like at SIGTERM when its parent is gone, with nobody left to read what it says", async () => {
    const job = await service.job(await picture(7, 40, 40), long);
    await using worker = start(["--drain"], { STYLIZE_PARENT_PIPE: "1" });
    worker.child.stdin!.write(`${JSON.stringify(job)}\n${JSON.stringify(job)}\n`);
    await until(worker, () => (service.stepsOf(job).at(-1) ?? 0) >= 3);
    for (const stream of [worker.child.stdout!, worker.child.stderr!, worker.child.stdin!]) stream.destroy();
    expect(await worker.exit).toBe(exitCodes.interrupted);
    expect(await service.keysUnder("private/checkpoint/")).toEqual([keys.checkpoint(jobIdOf(job.requestId))]);
  });
});

describe("a worker that can't begin", () => {
  it("says what is wrong with its environment", async () => {
    await using worker = start(["--drain"], { STYLIZE_OBJECTS: "", STYLIZE_STEPS: "0" });
    expect(await worker.exit).toBe(exitCodes["bad-config"]);
    expect(worker.log.map(({ msg }) => msg)).toEqual([
      "Expected STYLIZE_OBJECTS to be file:///FOLDER or s3://BUCKET but received nothing.",
      "Expected STYLIZE_STEPS to be an integer from 1 to 2000 but received '0'.",
    ]);
  });

  it("says what is wrong with its weights", async () => {
    await using worker = start(["--drain"], { STYLIZE_WEIGHTS: "/no/such.safetensors" });
    expect(await worker.exit).toBe(exitCodes["bad-config"]);
    expect(worker.stderr).toMatch(/no\/such.safetensors/);
  });

  it.each([
    ["no arguments", []],
    ["a key that leaves its folder", ["private/input/../../x.png", "a.jpg", `s::${"0".repeat(32)}`]],
    [
      "options that nobody knows",
      [`private/input/${"0".repeat(32)}.png`, "a.jpg", `s::${"0".repeat(32)}`, '{"a":1}'],
    ],
  ])("refuses %s", async (_, args) => {
    await using worker = start(args);
    expect(await worker.exit).toBe(exitCodes["bad-input"]);
    expect(worker.log).toMatchObject([{ msg: expect.stringMatching(/^Expected /) }]);
  });

  it("wants a GPU where it was not told otherwise", async (test) => {
    test.skip(!software, "this machine has a GPU");
    const job = await service.job(await picture(8, 40, 40), {});
    await using worker = startJob(job, { STYLIZE_REQUIRE_GPU: "" });
    expect(await worker.exit).toBe(exitCodes["no-gpu"]);
    expect(worker.stderr).toMatch(/Expected a GPU but found '.+'/);
    await service.settled();
    expect(service.of(job)).toEqual([]);
  });
});
