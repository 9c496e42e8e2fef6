/** Workers that are killed at any moment: their jobs are done all the same, and told of once. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { expect, it } from "vitest";
import type { Accepted, ImageItem } from "./protocol.ts";
import { dataUrl, until } from "./testing-client.ts";
import { Follower } from "./testing-follower.ts";
import { TestMachine } from "./testing-machine.ts";
import { testPicture } from "./testing-service.ts";

const machine = new TestMachine();
const start = (env: NodeJS.ProcessEnv, ...flags: string[]) => machine.start(flags, env);

/** The process of a job's attempt, counted from 1, as soon as it has begun; undefined if the job ended before. */
async function attempt({ jobId }: Accepted, number: number, client: Follower) {
  let pid: number | undefined;
  await until(() => {
    const all = machine.workers.began().filter((worker) => worker.jobId === jobId);
    pid = all.length >= number ? all.find(({ pid }) => !seen.has(pid))?.pid : undefined;
    return pid !== undefined || client.all(`TRANSFER_STYLE_COMPLETED::${jobId}`).length > 0;
  }, "a worker");
  if (pid !== undefined) seen.add(pid);
  return pid;
}
const seen = new Set<number>();

/** Whether it was there to be killed. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

it("killed at ten random moments", async () => {
  await using gateway = await start({}, "--workers", "6");
  using client = await Follower.connect(gateway.port);
  using stranger = await Follower.connect(gateway.port);
  const jobs: Accepted[] = [];
  for (let i = 0; i < 5; i++)
    jobs.push(await client.start({ image: machine.image, style: "slow.jpg", isPrivate: i % 2 === 1 }));
  let kills = 0;
  const haunt = async (job: Accepted) => {
    for (let number = 1; number <= 2; number++) {
      const pid = await attempt(job, number, client);
      if (pid === undefined) return;
      await sleep(Math.random() * 1800);
      if (kill(pid)) kills++;
    }
  };
  const doomed = await client.start({ image: machine.image, style: "waits.jpg", isPrivate: true });
  const kill3 = async () => {
    for (let number = 1; number <= 3; number++) kill((await attempt(doomed, number, client))!);
  };
  await Promise.all([...jobs.map(haunt), kill3()]);
  expect(kills).toBeGreaterThan(0);
  for (const job of jobs) expect(await client.outcome(job)).toBe("succeeded");
  expect(await client.outcome(doomed)).toBe("failed"); // after the last of its attempts
  await until(() => machine.workers.running().length === 0, "the end of the workers");
  expect(
    await client.outcome(await client.start({ image: machine.image, style: "works.jpg", isPrivate: true })),
  ).toBe("succeeded");
  const { images } = await client.get<{ images: ImageItem[] }>("LIST_IMAGES");
  const open = [jobs[0]!, jobs[2]!, jobs[4]!];
  expect(images.map(({ jobId }) => jobId).sort()).toEqual(open.map(({ jobId }) => jobId).sort());
  expect(client.timesTold(doomed)).toBe(1);
  for (const job of jobs) {
    expect(client.timesTold(job)).toBe(1);
    expect(stranger.timesShown(job)).toBe(open.includes(job) ? 1 : 0);
    const { result } = await client.job(job);
    const response = await fetch(result!);
    expect((await sharp(await response.arrayBuffer()).metadata()).format).toBe("png");
  }
  const outputs = await readdir(join(machine.folder, "objects"), { recursive: true });
  expect(outputs.filter((name) => /output.*[0-9a-f]{32}/.test(name))).toHaveLength(6);
});

it("the real one, killed, paints its picture", async () => {
  const env = { TEST_WORKER: "../worker/main.ts" };
  await using gateway = await start(env, "--weights", "generated");
  using client = await Follower.connect(gateway.port);
  const square = dataUrl(await testPicture("teal", 40, 40));
  const job = await client.start({
    image: square,
    style: "works.jpg",
    isPrivate: true,
    options: { steps: 2 },
  });
  const pid = (await attempt(job, 1, client))!;
  await sleep(Math.random() * 2500);
  expect(kill(pid)).toBe(true);
  expect(await client.outcome(job)).toBe("succeeded");
  expect(client.timesTold(job)).toBe(1);
  const response = await fetch((await client.job(job)).result!);
  expect(await sharp(await response.arrayBuffer()).metadata()).toMatchObject({ format: "png", width: 40 });
  await until(() => machine.workers.running().length === 0, "the end of the workers");
  const left = await readdir(join(machine.folder, "objects"), { recursive: true });
  expect(left.filter((name) => /checkpoint.*[0-9a-f]{32}/.test(name))).toEqual([]);
});
