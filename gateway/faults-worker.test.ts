/** Workers that are killed at any moment: their jobs are done all the same, and told of once. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { expect, it } from "vitest";
import type { Accepted, ImageItem } from "../protocol/protocol.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { WorkerKills } from "./testing/kills.ts";
import { TestMachine } from "./testing/machine.ts";

const machine = new TestMachine();

it("killed at ten random moments", async () => {
  await using gateway = await machine.start(["--workers", "6"]);
  using client = await Follower.connect(gateway.port);
  using stranger = await Follower.connect(gateway.port);
  const jobs: Accepted[] = [];
  for (let i = 0; i < 5; i++)
    jobs.push(await client.start({ image: machine.image, style: "slow.jpg", isPrivate: i % 2 === 1 }));
  const kills = new WorkerKills(machine, client);
  const haunt = async (job: Accepted) => {
    for (let number = 1; number <= 2; number++) {
      const pid = await kills.next(job);
      if (pid === undefined) return;
      await sleep(Math.random() * 1000);
      kills.kill(pid);
    }
  };
  const doomed = await client.start({ image: machine.image, style: "waits.jpg", isPrivate: true });
  const kill3 = async () => {
    for (let number = 1; number <= 3; number++) kills.kill((await kills.next(doomed))!);
  };
  await Promise.all([...jobs.map(haunt), kill3()]);
  expect(kills.count).toBeGreaterThan(3);
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
  expect(outputs.filter((name) => /output.*[0-9a-f]{32}/.test(name))).toHaveLength(12); // with a thumbnail each
});
