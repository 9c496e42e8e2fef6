/** One machine whose disk is full for a while: a real one, where this user may mount it. */
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fillDisk, mountDisk } from "../stores/testing/disk.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestMachine } from "./testing/machine.ts";
import { writeStyles } from "./testing/service.ts";

const machine = new TestMachine();

it("is full for a while: jobs are refused, or fail with reasons that anybody may see, and then all goes on", async ({
  skip,
}) => {
  using disk = mountDisk(join(machine.folder, "disk"), 2 << 20);
  if (!disk) return skip();
  await writeStyles(join(disk.path, "objects"));
  await using gateway = await machine.start(["--workers", "3", "--data", disk.path]);
  using client = await Follower.connect(gateway.port);
  const request = (style: string, isPrivate = false) => ({ image: machine.image, style, isPrivate });
  const done = await client.start(request("works.jpg"));
  expect(await client.outcome(done)).toBe("succeeded");
  const jobs = [await client.start(request("gated.jpg")), await client.start(request("gated.jpg", true))];
  const waiting = await client.start(request("waits.jpg"));
  for (const job of [...jobs, waiting])
    await until(async () => (await client.job(job)).step === 1, "a worker's word");

  const filler = join(disk.path, "filler");
  fillDisk(filler);
  await writeFile(machine.workers.env.TEST_GATE, "");
  const refusal = { error: { code: "unavailable", message: expect.not.stringContaining(disk.path) } };
  expect(await client.ask("TRANSFER_STYLE", request("works.jpg"))).toMatchObject(refusal);
  expect((await client.job(done)).status).toBe("succeeded");
  expect((await gateway.get("/healthz")).status).toBe(200);
  expect((await gateway.get("/readyz")).status).toBe(503);
  const attempts = (jobId: string) => machine.workers.began().filter((worker) => worker.jobId === jobId);
  await until(() => jobs.every(({ jobId }) => attempts(jobId).length === 3), "the last attempts");
  await until(() => machine.workers.running().length === 1, "their end");

  await rm(filler);
  for (const job of jobs) expect(await client.outcome(job)).toBe("failed");
  for (const job of jobs) expect((await client.job(job)).failure?.code).toBe("internal");
  await client.get("CANCEL_JOB", { jobId: waiting.jobId, token: waiting.token });
  expect(await client.outcome(waiting)).toBe("cancelled");
  await until(async () => (await gateway.get("/readyz")).status === 200, "readiness");
  expect(await client.outcome(await client.start(request("works.jpg")))).toBe("succeeded");
  for (const job of [done, ...jobs, waiting]) expect(client.timesTold(job)).toBe(1);
  for (const place of ["objects/.temporary", "messages/new", "messages/claimed", "messages/dead"])
    expect(await readdir(join(disk.path, place)), place).toEqual([]);
  expect(await gateway.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  expect(machine.workers.running()).toEqual([]);
});
