/** A gateway on one machine that is killed, with clients attached and workers at work. */
import { writeFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestMachine } from "./testing/machine.ts";

const machine = new TestMachine();
const start = (...flags: string[]) => machine.start(["--workers", "2", ...flags]);
const request = (style: string, more: object = {}) => ({
  image: machine.image,
  style,
  isPrivate: false,
  ...more,
});
const openGate = () => writeFile(machine.workers.env.TEST_GATE, "");

it("killed while jobs run: workers end, and the next gateway does the jobs, whose clients learn of it", async () => {
  const first = await start();
  await using _first = first;
  using client = await Follower.connect(first.port);
  const done = await client.start(request("works.jpg", { isPrivate: true }));
  await client.outcome(done);
  const jobs = [
    await client.start(request("gated.jpg")),
    await client.start(request("gated.jpg", { isPrivate: true })),
    await client.start(request("works.jpg")), // waits: the two before have the places
  ];
  for (const job of jobs.slice(0, 2))
    await until(async () => (await client.job(job)).step === 1, "a worker's word");
  const before = machine.workers.running();
  expect(before.map(({ jobId }) => jobId).sort()).toEqual(
    jobs
      .slice(0, 2)
      .map(({ jobId }) => jobId)
      .sort(),
  );

  expect(await first.kill()).toEqual({ code: null, signal: "SIGKILL" });
  await until(() => machine.workers.running().length === 0, "the end of the workers");
  await openGate();
  await using second = await start("--port", String(first.port));
  for (const job of jobs) expect(await client.outcome(job)).toBe("succeeded");
  expect(new Set(client.connections).size).toBe(2);
  for (const job of [done, ...jobs]) {
    const { status, result } = await client.job(job);
    expect(status).toBe("succeeded");
    expect((await fetch(result!)).status).toBe(200);
    expect(client.timesTold(job)).toBeLessThanOrEqual(1);
  }
  expect(await second.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  expect(machine.workers.running()).toEqual([]);
});

it("killed again and again at any moment, it loses no job and shows none twice", async () => {
  let gateway = await start();
  const port = String(gateway.port);
  try {
    using client = await Follower.connect(gateway.port);
    const jobs = [];
    for (let i = 0; i < 4; i++)
      jobs.push(await client.start(request(i % 3 === 2 ? "fails.jpg" : "slow.jpg")));
    for (let kills = 0; kills < 2; kills++) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1500));
      await gateway.kill();
      gateway = await start("--port", port);
    }
    for (const [i, job] of jobs.entries())
      expect(await client.outcome(job)).toBe(i % 3 === 2 ? "failed" : "succeeded");
    const { images } = await client.get<{ images: { jobId: string; result: string }[] }>("LIST_IMAGES");
    const succeeded = jobs.filter((_, i) => i % 3 !== 2).map(({ jobId }) => jobId);
    expect(images.map(({ jobId }) => jobId).sort()).toEqual(succeeded.sort());
    for (const { result } of images) expect((await fetch(result)).status).toBe(200);
  } finally {
    await gateway[Symbol.asyncDispose]();
  }
  await until(() => machine.workers.running().length === 0, "the end of the workers");
});
