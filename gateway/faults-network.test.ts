/**
 * S3, SQS and Batch fail or don't answer: requests are refused in time, and what was done meanwhile is told afterwards.
 */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Accepted, ClientEvents, RequestError } from "../protocol/protocol.ts";
import { redisMissing } from "../stores/testing/redis.ts";
import { dataUrl, until } from "./testing/client.ts";
import { TestCloud } from "./testing/cloud.ts";
import { Follower } from "./testing/follower.ts";
import type { GatewayProcess } from "./testing/process.ts";
import { testPicture } from "./testing/service.ts";

let cloud: TestCloud;
let gateway: GatewayProcess;
let image: string;
beforeAll(async () => {
  if (redisMissing) return;
  cloud = await TestCloud.start();
  gateway = await cloud.gateway();
  image = dataUrl(await testPicture("teal"));
});
afterAll(() => cloud?.[Symbol.asyncDispose]());
beforeEach(() => cloud?.closeGate());

/** What one call of a store may take, and then some. */
const inTimeMs = 20_000;
const request = (style: string, more: object = {}) => ({ image, style, isPrivate: false, ...more });

async function isRefused(client: Follower, event: keyof ClientEvents, value: object): Promise<void> {
  const began = Date.now();
  const answer = (await client.ask(event, value)) as Partial<RequestError>;
  expect(["unavailable", "internal"]).toContain(answer.error?.code);
  expect(Date.now() - began).toBeLessThan(inTimeMs);
}

/** Jobs whose workers wait at the gate, one private. */
async function held(client: Follower): Promise<Accepted[]> {
  const jobs = [
    await client.start(request("gated.jpg")),
    await client.start(request("gated.jpg", { isPrivate: true })),
  ];
  for (const job of jobs) await until(async () => (await client.job(job)).step === 1, "a worker's word");
  return jobs;
}

async function allSucceed(client: Follower, jobs: readonly Accepted[]): Promise<void> {
  for (const job of jobs) {
    expect(await client.outcome(job)).toBe("succeeded");
    await until(() => client.timesTold(job) > 0, "an event");
  }
  expect(await client.outcome(await client.start(request("works.jpg")))).toBe("succeeded");
  for (const job of jobs) expect(client.timesTold(job)).toBe(1);
  expect(gateway.isRunning).toBe(true);
}

it.skipIf(redisMissing).each(["hold", "cut"] as const)(
  "S3 and SQS behind a network that does %s: requests are refused, ends are told afterwards",
  async (mode) => {
    using client = await Follower.connect(gateway.port);
    const jobs = await held(client);
    cloud.aws.set(mode);
    try {
      await cloud.openGate();
      await Promise.all([
        isRefused(client, "TRANSFER_STYLE", request("works.jpg")),
        isRefused(client, "LIST_STYLES", {}),
        until(() => cloud.workers.running().length === 0, "the end of the workers"),
        until(async () => (await gateway.get("/readyz")).status === 503, "the end of readiness"),
      ]);
      expect((await gateway.get("/healthz")).status).toBe(200);
      for (const job of jobs) expect((await client.job(job)).jobId).toBe(job.jobId); // this needs Redis alone
    } finally {
      cloud.aws.set("pass");
    }
    await allSucceed(client, jobs);
    await until(async () => (await gateway.get("/readyz")).status === 200, "readiness");
  },
);

it.skipIf(redisMissing)("S3 and SQS whose connections break all the time lose nothing", async () => {
  using client = await Follower.connect(gateway.port);
  const jobs = await held(client);
  const breaking = setInterval(() => {
    cloud.aws.set("cut");
    cloud.aws.set("pass");
  }, 50);
  try {
    await cloud.openGate();
    for (const job of jobs) expect(await client.outcome(job)).toBe("succeeded");
  } finally {
    clearInterval(breaking);
  }
  await allSucceed(client, jobs);
});

it.skipIf(redisMissing)(
  "Batch that fails refuses jobs; a job whose submission was not answered runs twice and is told once",
  async () => {
    using client = await Follower.connect(gateway.port);
    cloud.batch.fail("lost-answer", 1, "submitjob");
    const twice = await client.start(request("works.jpg"));
    cloud.batch.fail("error", 4, "submitjob");
    await isRefused(client, "TRANSFER_STYLE", request("works.jpg"));
    await allSucceed(client, [twice]);
    expect(client.timesShown(twice)).toBe(1);
    const submitted = [...cloud.batch.jobs.jobs.values()].filter(
      ({ tags }) => tags.jobId === twice.jobId,
    ).length;
    expect(submitted).toBe(2);
  },
);
