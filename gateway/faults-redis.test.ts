/** Redis is killed, stalls, or loses its subscribers while jobs run: nothing is lost, and nobody waits for long. */
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import type { Accepted, RequestError } from "../protocol/protocol.ts";
import { redisMissing } from "../stores/testing/redis.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestPeers } from "./testing/peers.ts";

const peers = new TestPeers();
const request = (style: string, more?: object) => peers.request(style, more);
const ref = ({ jobId, token }: Accepted) => ({ jobId, token });

/** The code with which a request is refused, if it is, and after how long. */
async function refusal(client: Follower, event: "GET_JOB" | "TRANSFER_STYLE" | "LIST_IMAGES", value: object) {
  const began = Date.now();
  const answer = (await client.ask(event, value)) as Partial<RequestError>;
  return { code: answer.error?.code, ms: Date.now() - began };
}

it.skipIf(redisMissing)("killed and started again, it is missed by no job", async () => {
  const { a, b, cloud } = peers;
  using mine = await Follower.connect(a.port);
  using other = await Follower.connect(b.port);
  const jobs: Accepted[] = [];
  for (let i = 0; i < 3; i++) jobs.push(await mine.start(request("gated.jpg", { isPrivate: i === 0 })));
  jobs.push(await mine.start(request("slow.jpg")), await mine.start(request("fails.jpg")));
  for (const job of jobs) await other.follow(job);
  for (const job of jobs.slice(0, 3)) await peers.running(mine, job);
  await cloud.redis.kill();
  await cloud.openGate(); // workers end while there is nowhere to write it down
  const refused = await Promise.all([
    refusal(mine, "GET_JOB", ref(jobs[0]!)),
    refusal(other, "TRANSFER_STYLE", request("works.jpg")),
    refusal(other, "LIST_IMAGES", {}),
  ]);
  for (const { code, ms } of refused) {
    expect(["unavailable", "internal"]).toContain(code);
    expect(ms).toBeLessThan(12_000);
  }
  expect((await a.get("/healthz")).status).toBe(200);
  expect((await a.get("/readyz")).status).toBe(503);
  await cloud.redis.restart();
  for (const client of [mine, other]) {
    for (const job of jobs.slice(0, 4)) expect(await client.outcome(job)).toBe("succeeded");
    expect(await client.outcome(jobs[4]!)).toBe("failed");
    for (const job of jobs) expect(client.timesTold(job)).toBeLessThanOrEqual(1);
  }
  await until(async () => (await a.get("/readyz")).status === 200, "readiness");
  expect(await mine.outcome(await mine.start(request("works.jpg")))).toBe("succeeded");
  expect([a.isRunning, b.isRunning]).toEqual([true, true]);
});

it.skipIf(redisMissing)("stalled, it makes no request wait for long, and is forgiven", async () => {
  const { a, cloud } = peers;
  using client = await Follower.connect(a.port);
  const job = await client.start(request("gated.jpg"));
  cloud.redis.freeze();
  const { code, ms } = await refusal(client, "GET_JOB", ref(job));
  expect(["unavailable", "internal"]).toContain(code);
  expect(ms).toBeLessThan(12_000);
  cloud.redis.thaw();
  await cloud.openGate();
  expect(await client.outcome(job)).toBe("succeeded");
});

it.skipIf(redisMissing)("that drops subscribers again and again keeps no news from anybody", async () => {
  const { a, b, cloud } = peers;
  using mine = await Follower.connect(a.port);
  using other = await Follower.connect(b.port);
  const redis = new Redis(cloud.redis.url);
  let killed = 0;
  const dropping = setInterval(async () => {
    killed += Number(await redis.call("CLIENT", "KILL", "TYPE", "pubsub"));
  }, 30);
  try {
    const jobs: Accepted[] = [];
    for (let i = 0; i < 6; i++) {
      jobs.push(await mine.start(request(i === 5 ? "fails.jpg" : "slow.jpg", { isPrivate: i % 2 === 0 })));
      await other.follow(jobs.at(-1)!);
    }
    for (const client of [mine, other]) {
      for (const job of jobs.slice(0, 5)) expect(await client.outcome(job)).toBe("succeeded");
      expect(await client.outcome(jobs[5]!)).toBe("failed");
      for (const job of jobs) await until(() => client.timesTold(job) > 0, "an event");
      for (const job of [jobs[1]!, jobs[3]!]) await until(() => client.timesShown(job) > 0, "a picture");
    }
    for (const client of [mine, other]) {
      for (const job of jobs) expect(client.timesTold(job)).toBe(1);
      for (const job of [jobs[1]!, jobs[3]!]) expect(client.timesShown(job)).toBe(1);
    }
    expect(killed).toBeGreaterThan(10);
  } finally {
    clearInterval(dropping);
    redis.disconnect();
  }
});
