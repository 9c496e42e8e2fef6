/** Two gateways on Redis, S3, SQS and Batch: one is killed or told to end, and clients go on at the other. */
import { expect, it } from "vitest";
import type { Accepted } from "../protocol/protocol.ts";
import { redisMissing } from "../stores/testing/redis.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestPeers } from "./testing/peers.ts";
import { TestProxy } from "./testing/proxy.ts";

const peers = new TestPeers();
const request = (style: string, more?: object) => peers.request(style, more);

it.skipIf(redisMissing)(
  "a job is told to those who ask for it at either gateway, and shown to all, once",
  async () => {
    const { a, b, cloud } = peers;
    using owner = await Follower.connect(a.port);
    using friend = await Follower.connect(b.port);
    using strangerA = await Follower.connect(a.port);
    using strangerB = await Follower.connect(b.port);
    const open = [await owner.start(request("gated.jpg")), await owner.start(request("gated.jpg"))];
    const secret = await owner.start(request("gated.jpg", { isPrivate: true }));
    const failing = await owner.start(request("fails.jpg"));
    const jobs = [...open, secret, failing];
    for (const job of jobs) await friend.follow(job);
    await Promise.all([...open, secret].map((job) => peers.running(friend, job)));
    await cloud.openGate();
    for (const client of [owner, friend]) {
      for (const job of [...open, secret]) expect(await client.outcome(job)).toBe("succeeded");
      expect(await client.outcome(failing)).toBe("failed");
    }
    for (const client of [owner, friend, strangerA, strangerB])
      for (const job of open) await until(() => client.timesShown(job) > 0, "the public result");
    const last = await owner.start(request("works.jpg")); // what comes twice would have come by then
    for (const client of [owner, friend, strangerA, strangerB])
      await until(() => client.timesShown(last) > 0, "the last result");
    for (const client of [owner, friend]) for (const job of jobs) expect(client.timesTold(job)).toBe(1);
    for (const client of [owner, friend, strangerA, strangerB]) {
      for (const job of open) expect(client.timesShown(job)).toBe(1);
      for (const job of [secret, failing]) expect(client.timesShown(job)).toBe(0);
    }
    for (const client of [strangerA, strangerB])
      expect(client.heard.filter(({ event }) => event.includes("::"))).toEqual([]);
  },
);

it.skipIf(redisMissing)(
  "clients of a gateway that is killed go on at the other and learn how their jobs ended",
  async () => {
    const { a, b, cloud } = peers;
    await using balancer = await TestProxy.start(a.port);
    using client = await Follower.connect(balancer.port);
    using other = await Follower.connect(b.port);
    const held = [
      await client.start(request("gated.jpg")),
      await client.start(request("gated.jpg", { isPrivate: true })),
    ];
    const more = [
      await client.start(request("slow.jpg")),
      await client.start(request("fails.jpg")),
      await client.start(request("slow.jpg")),
    ];
    for (const job of held) await peers.running(client, job);
    const first = client.socket.id;
    balancer.target = b.port;
    await a.kill();
    await cloud.openGate();
    for (const job of [...held, more[0]!, more[2]!]) expect(await client.outcome(job)).toBe("succeeded");
    expect(await client.outcome(more[1]!)).toBe("failed");
    expect(client.connections).toEqual([first, client.socket.id]);
    for (const job of held) {
      const { result } = await client.job(job);
      expect((await fetch(result!.replace(String(cloud.aws.port), String(cloud.aws.target)))).status).toBe(
        200,
      );
    }
    await until(() => other.timesShown(held[0]!) > 0, "the public result");
    for (const job of [...held, ...more]) expect(client.timesTold(job)).toBeLessThanOrEqual(1);
    expect(other.timesShown(held[0]!)).toBe(1);
  },
);

it.skipIf(redisMissing)(
  "a gateway that is told to end is not ready, ends soon, and leaves its work to the other",
  async () => {
    const { a, b, cloud } = peers;
    await using balancer = await TestProxy.start(a.port);
    using client = await Follower.connect(balancer.port);
    const jobs: Accepted[] = [];
    for (let i = 0; i < 6; i++) jobs.push(await client.start(request(i % 2 ? "gated.jpg" : "slow.jpg")));
    await peers.running(client, jobs[1]!);
    expect((await a.get("/readyz")).status).toBe(200);
    balancer.target = b.port;
    // News at hand, whose end does not get through to SQS for a while: the gateway has to wait for it.
    cloud.redis.freeze();
    const progress = { at: Date.now() + 60_000, step: 2, total: 2, etaMs: 0 };
    const news = JSON.stringify({ requestId: jobs[1]!.requestId, progress });
    await Promise.all(Array.from({ length: 30 }, () => cloud.publish(news)));
    await until(() => cloud.handled() > 20, "news at hand");
    cloud.aws.set("hold");
    cloud.redis.thaw();
    const ended = a.kill("SIGTERM");
    await until(() => a.lines.some((line) => line.includes("draining")), "the beginning of the end");
    expect((await a.get("/readyz")).text).toBe("draining\n");
    expect((await a.get("/readyz")).status).toBe(503);
    expect(a.isRunning).toBe(true);
    const began = Date.now();
    cloud.aws.set("pass");
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(Date.now() - began).toBeLessThan(20_000);
    await cloud.openGate();
    for (const job of jobs) expect(await client.outcome(job)).toBe("succeeded");
    for (const job of jobs) expect(client.timesTold(job)).toBeLessThanOrEqual(1);
    expect(cloud.dead()).toEqual([]);
  },
);
