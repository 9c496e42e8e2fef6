/** Two gateways on a cluster of Redis, which loses a node while jobs run. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Accepted, ClientEvents, ImageItem, RequestError } from "../protocol/protocol.ts";
import { redisMissing, startRedisCluster, type TestCluster } from "../stores/testing/redis.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestPeers } from "./testing/peers.ts";

let cluster: TestCluster;
beforeAll(async () => {
  if (!redisMissing) cluster = await startRedisCluster({ password: "s3cret/@:% word" });
});
afterAll(() => cluster?.[Symbol.asyncDispose]());
const peers = new TestPeers({ flags: () => ["--redis", cluster.url] });
const request = (style: string, more?: object) => peers.request(style, more);

interface Clients extends Disposable {
  readonly owner: Follower;
  /** At the other gateway; follows what the owner started. */
  readonly friend: Follower;
  /** One at each gateway, without jobs. */
  readonly strangers: readonly Follower[];
}

async function connect(): Promise<Clients> {
  const { a, b } = peers;
  const [owner, friend, ...strangers] = await Promise.all(
    [a, b, a, b].map(({ port }) => Follower.connect(port)),
  );
  const all = [owner!, friend!, ...strangers];
  const dispose = () => all.forEach((client) => void client[Symbol.dispose]());
  return { owner: owner!, friend: friend!, strangers, [Symbol.dispose]: dispose };
}

/** Two public jobs and a private one that wait at the gate, and one that fails. */
async function start({ owner, friend }: Clients) {
  const open = [await owner.start(request("gated.jpg")), await owner.start(request("gated.jpg"))];
  const secret = await owner.start(request("gated.jpg", { isPrivate: true }));
  const failing = await owner.start(request("fails.jpg"));
  for (const job of [...open, secret, failing]) await friend.follow(job);
  for (const job of [...open, secret]) await peers.running(friend, job);
  return { open, secret, failing };
}

/** Everybody has heard what is theirs to hear, and nothing twice. */
async function check(clients: Clients, { open, secret, failing }: Awaited<ReturnType<typeof start>>) {
  const { owner, friend, strangers } = clients;
  const all = [owner, friend, ...strangers];
  for (const client of [owner, friend]) {
    for (const job of [...open, secret]) expect(await client.outcome(job)).toBe("succeeded");
    expect(await client.outcome(failing)).toBe("failed");
  }
  const shown = (client: Follower, job: Accepted) =>
    until(() => client.timesShown(job) > 0, "a public result");
  for (const client of all) for (const job of open) await shown(client, job);
  const last = await owner.start(request("works.jpg")); // what comes twice would have come by then
  for (const client of all) await shown(client, last);
  for (const client of [owner, friend])
    for (const job of [...open, secret, failing]) expect(client.timesTold(job)).toBe(1);
  for (const client of all) {
    for (const job of open) expect(client.timesShown(job)).toBe(1);
    for (const job of [secret, failing]) expect(client.timesShown(job)).toBe(0);
  }
  for (const client of strangers)
    expect(client.heard.filter(({ event }) => event.includes("::"))).toEqual([]);
  const { images } = await friend.get<{ images: ImageItem[] }>("LIST_IMAGES");
  const listed = images.map(({ jobId }) => jobId);
  for (const job of [...open, last]) expect(listed.filter((jobId) => jobId === job.jobId)).toHaveLength(1);
}

async function isRefused(client: Follower, event: keyof ClientEvents, value: object): Promise<boolean> {
  const { error } = (await client.ask(event, value)) as Partial<RequestError>;
  if (error) expect(["unavailable", "internal"]).toContain(error.code);
  return error !== undefined;
}

it.skipIf(redisMissing)("a whole round: told at both gateways, shown to all, once", async () => {
  using clients = await connect();
  const jobs = await start(clients);
  await peers.cloud.openGate();
  await check(clients, jobs);
});

it.skipIf(redisMissing).each([0, 1, 2])(
  "node %i is killed and started again: no job is lost, and nobody is told twice",
  async (number) => {
    const { cloud, a, b } = peers;
    const node = cluster.nodes[number]!;
    using clients = await connect();
    const { friend } = clients;
    const jobs = await start(clients);
    await node.kill();
    try {
      await cloud.openGate(); // workers end while some records can't be read, and soon none
      // The nodes that are left serve their own keys until they agree that one is gone.
      await until(() => isRefused(friend, "LIST_IMAGES", {}), "the end of the cluster");
      await until(() => isRefused(friend, "TRANSFER_STYLE", request("works.jpg")), "a refusal");
      await until(async () => (await b.get("/readyz")).status === 503, "the end of readiness");
      expect((await b.get("/healthz")).status).toBe(200);
      await until(() => cloud.workers.running().length === 0, "the end of the workers");
      await sleep(1000); // the gateways meet the news
    } finally {
      await node.restart();
    }
    for (const gateway of [a, b])
      await until(async () => (await gateway.get("/readyz")).status === 200, "readiness");
    await check(clients, jobs);
    expect([a.isRunning, b.isRunning]).toEqual([true, true]);
  },
);
