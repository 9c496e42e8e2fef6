/**
 * The queue repeats, reorders and delays what workers say, and carries what no worker would: nobody is told twice,
 * nothing breaks.
 */
import { beforeAll, expect, it } from "vitest";
import { type Accepted, type JobProgress, keys } from "../protocol/protocol.ts";
import { redisMissing } from "../stores/testing/redis.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestPeers } from "./testing/peers.ts";
import { poison, unknownRequest } from "./testing/poison.ts";

const peers = new TestPeers({ receives: 3 }); // each try waits twice as long as the one before
const request = (style: string) => peers.request(style);
beforeAll(async () => {
  if (!redisMissing) await publishShuffled(poison); // takes a while to be put aside, and is in the queue meanwhile
});

const idOf = (requestId: string) => requestId.slice(-32);
const result = (requestId: string, jobId = idOf(requestId)) => ({
  requestId,
  resultKey: keys.output(false, jobId),
});
const progress = (requestId: string, step: number, at = Date.now() + step) => ({
  requestId,
  progress: { at, step, total: 100, etaMs: 0 },
});

async function publishShuffled(bodies: readonly string[]): Promise<void> {
  const order = bodies.map((body) => ({ body, place: Math.random() })).sort((x, y) => x.place - y.place);
  for (const { body } of order) await peers.cloud.publish(body);
}

/** Waits until all that is in the queue, poison aside, has been handled. */
const settled = () =>
  until(() => peers.cloud.left().every((body) => poison.includes(body)), "an empty queue");

async function waiting(client: Follower, count: number): Promise<Accepted[]> {
  const jobs: Accepted[] = [];
  for (let i = 0; i < count; i++) jobs.push(await client.start(request("waits.jpg")));
  for (const job of jobs) await peers.running(client, job);
  return jobs;
}

it.skipIf(redisMissing)("news that come many times, in any order, make one end for each job", async () => {
  using client = await Follower.connect(peers.a.port);
  using other = await Follower.connect(peers.b.port);
  const [won, lost, both] = (await waiting(client, 3)) as [Accepted, Accepted, Accepted];
  for (const job of [won, lost, both]) {
    await other.follow(job);
    await peers.cloud.objects.put(keys.output(false, job.jobId), Buffer.from(peers.image), {
      contentType: "image/png",
    });
  }
  const failure = (requestId: string) => ({ requestId, failure: "bad-content" });
  const steps = (requestId: string) => Array.from({ length: 10 }, (_, i) => progress(requestId, i + 2));
  const news = [
    ...steps(won.requestId),
    ...steps(lost.requestId),
    ...Array.from({ length: 8 }, () => result(won.requestId)),
    ...Array.from({ length: 8 }, () => failure(lost.requestId)),
    ...Array.from({ length: 8 }, (_, i) => (i % 2 ? result(both.requestId) : failure(both.requestId))),
  ];
  await publishShuffled(news.map((one) => JSON.stringify(one)));
  await settled();
  for (const who of [client, other]) {
    expect(await who.outcome(won)).toBe("succeeded");
    expect(await who.outcome(lost)).toBe("failed");
    expect(await who.outcome(both)).toBe((await client.job(both)).status);
  }
  await peers.cloud.publish(JSON.stringify(progress(won.requestId, 99)));
  await publishShuffled(news.map((one) => JSON.stringify(one)));
  await settled();
  expect((await client.job(won)).status).toBe("succeeded");
  expect((await client.job(lost)).failure?.code).toBe("bad-content");
  for (const who of [client, other]) {
    for (const job of [won, lost, both]) {
      expect(who.timesTold(job)).toBe(1);
      const seen = who.all(`JOB_PROGRESS::${job.jobId}`) as JobProgress[];
      expect(seen.filter(({ status }) => status === "succeeded" || status === "failed")).toEqual([]);
    }
    expect(who.timesShown(won)).toBe(1);
    expect(who.timesShown(lost)).toBe(0);
    expect(who.timesShown(both)).toBeLessThanOrEqual(1);
  }
});

it.skipIf(redisMissing)("progress never goes backwards", async () => {
  using client = await Follower.connect(peers.a.port);
  const [job] = (await waiting(client, 1)) as [Accepted];
  const now = Date.now();
  const steps = Array.from({ length: 30 }, (_, i) => progress(job.requestId, i + 2, now + i));
  await publishShuffled(steps.map((one) => JSON.stringify(one)));
  await until(async () => (await client.job(job)).step === 31, "the last step");
  await settled();
  expect((await client.job(job)).step).toBe(31);
  const seen = (client.all(`JOB_PROGRESS::${job.jobId}`) as JobProgress[]).map(({ step }) => step ?? 0);
  expect(seen).toEqual(seen.toSorted((x, y) => x - y));
  await client.get("CANCEL_JOB", { jobId: job.jobId, token: job.token });
});

it.skipIf(redisMissing)("news that are not a job's own change nothing", async () => {
  using client = await Follower.connect(peers.a.port);
  const [mine, other] = (await waiting(client, 2)) as [Accepted, Accepted];
  const done = await client.start(request("works.jpg"));
  await client.outcome(done);
  const strange = [
    result(unknownRequest(), done.jobId), // of nobody, with another's result
    result(mine.requestId, other.jobId), // another's result
    { requestId: mine.requestId, resultKey: keys.output(true, mine.jobId) }, // a private one of a public job
    result(unknownRequest()),
    { requestId: unknownRequest(), failure: "internal" },
    progress(unknownRequest(), 7),
    progress(`someone::${mine.jobId}`, 50), // another's request
  ].map((one) => JSON.stringify(one));
  await publishShuffled(strange);
  await settled();
  expect(await peers.cloud.objects.head(keys.output(false, done.jobId))).toBeDefined();
  for (const job of [mine, other]) {
    expect(await client.job(job)).toMatchObject({ status: "running", step: 1 });
    expect(client.timesTold(job)).toBe(0);
    await client.get("CANCEL_JOB", { jobId: job.jobId, token: job.token });
  }
});

it.skipIf(redisMissing)("what is no news is put aside in the end", async () => {
  await until(() => peers.cloud.dead().length >= poison.length, "the dead letters");
  expect(peers.cloud.dead().sort()).toEqual(poison.toSorted());
  expect(peers.cloud.left()).toEqual([]);
  using client = await Follower.connect(peers.a.port);
  expect(await client.outcome(await client.start(request("works.jpg")))).toBe("succeeded");
  expect([peers.a.isRunning, peers.b.isRunning]).toEqual([true, true]);
});
