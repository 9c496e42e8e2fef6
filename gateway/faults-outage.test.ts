/**
 * S3 and SQS are away for gateways and workers alike, longer than any of them tries: what was done by then is told,
 * what was not fails.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { type Accepted, type ClientEvents, keys, type RequestError } from "../protocol/protocol.ts";
import { redisMissing } from "../stores/testing/redis.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestPeers } from "./testing/peers.ts";

const OUTAGE_MS = 40_000;

const peers = new TestPeers();
const start = (client: Follower, style: string, isPrivate = false) =>
  client.start(peers.request(style, { isPrivate }));

async function isRefused(client: Follower, event: keyof ClientEvents, value: object): Promise<boolean> {
  const { error } = (await client.ask(event, value)) as Partial<RequestError>;
  return error?.code === "unavailable" || error?.code === "internal";
}

/** Puts a job's result where its worker would. */
async function putResult(job: Accepted, isPrivate: boolean): Promise<string> {
  const resultKey = keys.output(isPrivate, job.jobId);
  await peers.cloud.objects.put(resultKey, Buffer.from(peers.image), { contentType: "image/png" });
  return resultKey;
}

it.skipIf(redisMissing)("S3 and SQS go away for 40 s and come back with what they had", async () => {
  const { a, b, cloud } = peers;
  using owner = await Follower.connect(a.port);
  using friend = await Follower.connect(b.port);
  const told = [await start(owner, "waits.jpg"), await start(owner, "waits.jpg", true)];
  const silent = await start(owner, "gated.jpg");
  const undone = await start(owner, "gated.jpg", true);
  const jobs = [...told, silent, undone];
  for (const job of jobs) await friend.follow(job);
  for (const job of jobs) await peers.running(friend, job);

  cloud.aws.set("cut");
  for (const [i, { requestId, jobId, token }] of told.entries()) {
    const resultKey = await putResult({ requestId, jobId, token }, i === 1);
    await cloud.publish(JSON.stringify({ requestId, resultKey })); // lies in the queue
  }
  await putResult(silent, false); // whose worker can't tell of it any more
  cloud.workersAws.set("cut");
  const end = Date.now() + OUTAGE_MS;
  try {
    await cloud.openGate();
    expect(await isRefused(owner, "TRANSFER_STYLE", peers.request("works.jpg"))).toBe(true);
    expect(await isRefused(friend, "LIST_STYLES", {})).toBe(true);
    await until(() => cloud.workers.running().length === told.length, "the end of the workers");
    await until(async () => (await a.get("/readyz")).status === 503, "the end of readiness");
    await sleep(end - Date.now());
    for (const job of jobs) {
      expect((await friend.job(job)).status).toBe("running"); // nobody knows better yet
      expect(owner.timesTold(job)).toBe(0);
    }
  } finally {
    cloud.aws.set("pass");
    cloud.workersAws.set("pass");
  }

  for (const client of [owner, friend]) {
    for (const job of [...told, silent]) expect(await client.outcome(job)).toBe("succeeded");
    expect(await client.outcome(undone)).toBe("failed");
  }
  expect((await friend.job(undone)).failure?.code).toBe("internal");
  await until(async () => (await a.get("/readyz")).status === 200, "readiness");
  const last = await start(owner, "works.jpg");
  for (const client of [owner, friend]) {
    await until(() => client.timesShown(last) > 0, "the last result");
    for (const job of jobs) expect(client.timesTold(job)).toBe(1);
    for (const job of [told[0]!, silent]) expect(client.timesShown(job)).toBe(1);
    for (const job of [told[1]!, undone]) expect(client.timesShown(job)).toBe(0);
  }
  await until(() => cloud.left().length === 0, "an empty queue");
  expect(cloud.dead()).toEqual([]);
  expect([a.isRunning, b.isRunning]).toEqual([true, true]);
});
