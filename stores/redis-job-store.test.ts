/** What a crash between two writes leaves, and what becomes of it. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { feedMember, type JobRecord } from "./job-store.ts";
import { closeRedis, connectRedis } from "./redis.ts";
import { RedisJobStore } from "./redis-job-store.ts";
import { activeIds } from "./testing/jobs.ts";
import { redisMissing, startRedis, type TestRedis } from "./testing/redis.ts";

const name = "jobs in Redis";

describe.skipIf(redisMissing)(redisMissing === undefined ? name : `${name} (${redisMissing})`, () => {
  let server: TestRedis;
  let redis: Redis;
  let store: RedisJobStore;
  let behind: unknown[] = [];
  beforeAll(async () => {
    server = await startRedis();
    redis = connectRedis({ url: server.url, timeoutMs: 1_000 }) as Redis;
    store = new RedisJobStore(redis, {
      prefix: "p:",
      retentionSeconds: 600,
      onBehind: (error) => behind.push(error),
    });
    await store.check();
  });
  beforeEach(async () => {
    behind = [];
    await redis.flushall();
  });
  afterAll(async () => {
    if (redis !== undefined) await closeRedis(redis);
    await server?.[Symbol.asyncDispose]();
  });

  function job(digit: string, change: Partial<JobRecord> = {}): JobRecord {
    const jobId = digit.repeat(32);
    const key = `public/input/${jobId}.jpg`;
    const identity = {
      jobId,
      tokenHash: jobId,
      client: "me",
      requestId: `socket::${jobId}`,
      contentKey: key,
    };
    const rest = { style: "auvers.jpg", options: {}, createdAt: Date.now(), isPrivate: false, seq: 0 };
    return { ...identity, ...rest, status: "queued", ...change };
  }

  const sets = async () => {
    const names = ["active", "active:me", "queued", "feed"];
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await redis.zrange(`p:${name}`, "0", "-1")])),
    );
  };

  test("a gateway that dies after it stored a result: active() publishes it", async () => {
    const { record } = await store.create(job("a"));
    const ended: JobRecord = { ...record, status: "succeeded", endedAt: Date.now(), resultKey: "r", seq: 1 };
    await redis.hset(`p:job:${record.jobId}`, "seq", 1, "data", JSON.stringify(ended));
    expect(await store.activeOf("me")).toBe(0);
    expect(await activeIds(store)).toEqual([]);
    expect(await sets()).toEqual({ active: [], "active:me": [], queued: [], feed: [feedMember(ended)] });
    expect((await store.feed({ limit: 9 })).records).toEqual([ended]);
  });

  test("a gateway that dies after it stored a start: active() corrects the waiting line", async () => {
    const { record } = await store.create(job("a", { createdAt: 1 }));
    const other = (await store.create(job("b", { createdAt: 2 }))).record;
    const running = { ...record, status: "running", seq: 1 };
    await redis.hset(`p:job:${record.jobId}`, "seq", 1, "data", JSON.stringify(running));
    await redis.zrem("p:queued", other.jobId);
    expect(await activeIds(store)).toEqual([record.jobId, other.jobId]);
    expect((await sets()).queued).toEqual([other.jobId]);
    expect(await store.position(other.jobId)).toBe(0);
  });

  test("a creator that dies before it filled the sets: the retry with its key does", async () => {
    const { record } = await store.create(job("a"), "the key");
    await redis.del("p:active", "p:active:me", "p:queued");
    expect(await store.create(job("b"), "the key")).toEqual({ record, created: false });
    expect(await sets()).toEqual({
      active: [record.jobId],
      "active:me": [record.jobId],
      queued: [record.jobId],
      feed: [],
    });
    expect(await store.get("b".repeat(32))).toBeUndefined();
  });

  test("records that have expired: every reader skips and drops their ids", async () => {
    const ids = [..."abcde"].map((digit) => digit.repeat(32));
    for (const [i, digit] of [..."abcde"].entries()) {
      const { record } = await store.create(job(digit));
      if (i < 4)
        await store.update(record.jobId, (before) => ({
          ...before,
          status: "succeeded",
          endedAt: Date.now() + i,
        }));
    }
    await redis.del(`p:job:${ids[1]}`, `p:job:${ids[2]}`, `p:job:${ids[4]}`);
    const page = await store.feed({ limit: 2 });
    expect(page.records.map((record) => record.jobId)).toEqual([ids[3], ids[0]]);
    expect(page.next).toBeUndefined();
    expect(await activeIds(store)).toEqual([]);
    expect(await store.activeOf("me")).toBe(0);
    const { feed, ...others } = await sets();
    expect(feed).toHaveLength(2);
    expect(others).toEqual({ active: [], "active:me": [], queued: [] });
  });

  test("a write whose answer was lost, and that is repeated, counts once", async () => {
    const { record } = await store.create(job("a"));
    const send = redis.evalsha.bind(redis);
    let cut = 1;
    redis.evalsha = (async (...args: Parameters<typeof send>) => {
      const answer = await send(...args);
      if (cut-- > 0) throw new Error("Connection is closed.");
      return answer;
    }) as typeof redis.evalsha;
    try {
      const answer = await store.update(record.jobId, (before) => ({ ...before, status: "running" }));
      expect(answer).toEqual({ record: { ...record, status: "running", seq: 1 }, changed: true });
      expect(await store.get(record.jobId)).toEqual(answer?.record);
    } finally {
      redis.evalsha = send;
    }
  });

  test("a set that can't be written does not hide the change", async () => {
    const { record } = await store.create(job("a"));
    await redis.set("p:feed", "of the wrong kind");
    const answer = await store.update(record.jobId, (before) => ({
      ...before,
      status: "succeeded",
      endedAt: Date.now(),
    }));
    expect(answer).toMatchObject({ changed: true, record: { status: "succeeded" } });
    expect(behind).toHaveLength(1);
    await redis.del("p:feed");
    expect(await activeIds(store)).toEqual([]);
    expect((await store.feed({ limit: 1 })).records).toHaveLength(1);
  });

  test("scripts are sent again after Redis has lost them, and every key expires", async () => {
    const { record } = await store.create(job("a"), "key");
    await redis.script("FLUSH");
    await store.update(record.jobId, (before) => ({ ...before, status: "succeeded", endedAt: Date.now() }));
    await store.create(job("b"));
    const keys = await redis.keys("*");
    expect(keys.length).toBeGreaterThan(5);
    for (const key of keys) expect(await redis.ttl(key), key).toBeGreaterThan(0);
  });

  test("jobs outlive a kill -9 of Redis, and calls fail and work again with it", async () => {
    const { record } = await store.create(job("a"), "key");
    await server.kill();
    const calls = [
      store.get("x"),
      store.active(),
      store.feed({ limit: 1 }),
      store.create(job("b")),
      store.check(),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { name: "StoreError", retryable: true } });
    }
    await server.restart();
    await expect
      .poll(
        () =>
          store
            .check()
            .then(() => "back")
            .catch(() => "away"),
        { timeout: 20_000 },
      )
      .toBe("back");
    expect(await activeIds(store)).toEqual([record.jobId]);
    expect(await store.create(job("c"), "key")).toEqual({ record, created: false });
  });
});
