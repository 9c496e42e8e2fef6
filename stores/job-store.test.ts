/** One suite over every store of jobs. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobRecord, JobStore } from "./job-store.ts";
import { LocalJobStore } from "./local-job-store.ts";
import { closeRedis, connectRedis, type RedisClient } from "./redis.ts";
import { RedisJobStore } from "./redis-job-store.ts";
import { activeIds } from "./testing/jobs.ts";
import { redisMissing, startRedis, startRedisCluster } from "./testing/redis.ts";

interface Stores extends AsyncDisposable {
  /** An empty one. */
  open(retentionSeconds?: number): JobStore;
  /** What a restarted process sees of it; where anything is kept. */
  reopen?(): JobStore;
}

interface Kind {
  readonly name: string;
  /** Whether it outlives its process. */
  readonly lasting: boolean;
  readonly missing?: string | undefined;
  start(): Promise<Stores>;
}

const kinds: readonly Kind[] = [
  {
    name: "local, in memory",
    lasting: false,
    start: async () => ({
      open: (retentionSeconds = 3_600) => new LocalJobStore({ retentionSeconds }),
      [Symbol.asyncDispose]: async () => {},
    }),
  },
  { name: "local, with a folder", lasting: true, start: async () => inFolders() },
  {
    name: "Redis",
    lasting: true,
    missing: redisMissing,
    start: async () => {
      const server = await startRedis();
      return inRedis(connectRedis({ url: server.url }), server);
    },
  },
  {
    name: "Redis, a cluster of 3 nodes",
    lasting: true,
    missing: redisMissing,
    start: async () => {
      const cluster = await startRedisCluster();
      return inRedis(connectRedis({ url: cluster.url }), cluster);
    },
  },
];

function inFolders(): Stores {
  const parent = mkdtempSync(join(tmpdir(), "job-store-test-"));
  let count = 0;
  let last = () => new LocalJobStore({ retentionSeconds: 3_600 });
  return {
    open: (retentionSeconds = 3_600) => {
      const folder = join(parent, String(count++));
      last = () => new LocalJobStore({ folder, retentionSeconds });
      return last();
    },
    reopen: () => last(),
    [Symbol.asyncDispose]: async () => rmSync(parent, { recursive: true }),
  };
}

function inRedis(client: RedisClient, server: AsyncDisposable): Stores {
  let count = 0;
  let last = { prefix: "", retentionSeconds: 0 };
  return {
    open: (retentionSeconds = 3_600) => {
      last = { prefix: `test${count++}:`, retentionSeconds };
      return new RedisJobStore(client, last);
    },
    reopen: () => new RedisJobStore(client, last),
    [Symbol.asyncDispose]: async () => {
      await closeRedis(client);
      await server[Symbol.asyncDispose]();
    },
  };
}

function job(change: Partial<JobRecord> = {}): JobRecord {
  const jobId = change.jobId ?? randomBytes(16).toString("hex");
  return {
    jobId,
    tokenHash: randomBytes(32).toString("hex"),
    client: "somebody",
    requestId: `socket::${jobId}`,
    status: "queued",
    seq: 0,
    isPrivate: false,
    contentKey: `public/input/${jobId}.jpg`,
    style: "auvers.jpg",
    options: {},
    createdAt: Date.now(),
    ...change,
  };
}

function end(store: JobStore, jobId: string, endedAt: number, status: JobRecord["status"] = "succeeded") {
  return store.update(jobId, (record) => ({
    ...record,
    status,
    endedAt,
    resultKey: `public/output/${jobId}.png`,
  }));
}

async function addResults(store: JobStore, ended: readonly number[]): Promise<string[]> {
  const ids: string[] = [];
  for (const endedAt of ended) {
    const record = job();
    await store.create(record);
    await end(store, record.jobId, endedAt);
    ids.push(record.jobId);
  }
  return ids;
}

async function wholeFeed(store: JobStore, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.feed({ limit, cursor });
    ids.push(...page.records.map((record) => record.jobId));
    cursor = page.next;
    if (cursor !== undefined) expect(page.records).toHaveLength(limit);
  } while (cursor !== undefined);
  return ids;
}

for (const kind of kinds) {
  describe.skipIf(kind.missing)(
    kind.missing === undefined ? kind.name : `${kind.name} (${kind.missing})`,
    () => {
      let stores: Stores;
      beforeAll(async () => {
        stores = await kind.start();
      });
      afterAll(async () => stores?.[Symbol.asyncDispose]());

      test("keeps a record as it is given", async () => {
        const store = stores.open();
        const record = job({
          options: { size: 512, strength: "bold" },
          progress: { at: 1, step: 2, total: 3, etaMs: 4 },
        });
        expect(await store.create(record)).toEqual({ record, created: true });
        expect(await store.get(record.jobId)).toEqual(record);
        expect(await store.get(job().jobId)).toBeUndefined();
        await store.check();
      });

      test("refuses another job with the same id, and repeats a call that seemed to fail", async () => {
        const store = stores.open();
        const record = job();
        await store.create(record);
        await expect(store.create(job({ jobId: record.jobId }))).rejects.toMatchObject({
          name: "StoreError",
          retryable: false,
        });
        expect(await store.create(record)).toEqual({ record, created: true });
        expect(await activeIds(store)).toEqual([record.jobId]);
      });

      test("loses none of 50 concurrent updates, and gives each its own seq", async () => {
        const store = stores.open();
        const { jobId } = (await store.create(job({ createdAt: 0 }))).record;
        const one = () => store.update(jobId, (record) => ({ ...record, createdAt: record.createdAt + 1 }));
        const answers = await Promise.all(Array.from({ length: 50 }, one));
        const seqs = answers.map((answer) => answer!.record.seq).sort((a, b) => a - b);
        expect(seqs).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
        expect(await store.get(jobId)).toMatchObject({ seq: 50, createdAt: 50 });
        for (const answer of answers) expect(answer!.record.createdAt).toBe(answer!.record.seq);
      });

      test("leaves a record alone when told to, and has none to change where there is none", async () => {
        const store = stores.open();
        const { record } = await store.create(job());
        expect(await store.update(record.jobId, () => undefined)).toEqual({ record, changed: false });
        expect(await store.update(job().jobId, (other) => other)).toBeUndefined();
        await expect(
          store.update(record.jobId, () => {
            throw new Error("ours");
          }),
        ).rejects.toThrow("ours");
        expect(await store.get(record.jobId)).toEqual(record);
      });

      test("lets one of several ends win", async () => {
        const store = stores.open();
        const { jobId } = (await store.create(job())).record;
        const finish = (status: "succeeded" | "failed" | "cancelled") =>
          store.update(jobId, (record) =>
            record.status === "queued" ? { ...record, status, endedAt: 5 } : undefined,
          );
        const answers = await Promise.all([
          finish("failed"),
          finish("cancelled"),
          finish("succeeded"),
          finish("failed"),
        ]);
        expect(answers.filter((answer) => answer!.changed)).toHaveLength(1);
        const stored = await store.get(jobId);
        for (const answer of answers) expect(answer!.record).toEqual(stored);
        expect(await activeIds(store)).toEqual([]);
      });

      test("makes one job of 20 concurrent requests with one idempotency key", async () => {
        const store = stores.open();
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => store.create(job(), "the same key")),
        );
        expect(answers.filter((answer) => answer.created)).toHaveLength(1);
        const [jobId] = await activeIds(store);
        for (const answer of answers) expect(answer.record.jobId).toBe(jobId);
        expect(await store.activeOf("somebody")).toBe(1);
        expect((await store.create(job(), "the same key")).record.jobId).toBe(jobId);
        expect((await store.getByKey("somebody", "the same key"))?.jobId).toBe(jobId);
        expect(await store.getByKey("another", "the same key")).toBeUndefined();
        expect(await store.getByKey("somebody", "another key")).toBeUndefined();
      });

      test("keeps idempotency keys of clients and of jobs apart, and frees those of removed jobs", async () => {
        const store = stores.open();
        const first = await store.create(job(), "a key");
        const ofAnother = await store.create(job({ client: "another" }), "a key");
        const second = await store.create(job(), "b key");
        expect([first, ofAnother, second].every((answer) => answer.created)).toBe(true);
        await end(store, first.record.jobId, 1, "failed");
        expect(await store.create(job(), "a key")).toMatchObject({
          created: false,
          record: { status: "failed" },
        });
        await store.remove(first.record.jobId);
        expect(await store.getByKey("somebody", "a key")).toBeUndefined();
        const answers = await Promise.all(Array.from({ length: 5 }, () => store.create(job(), "a key")));
        expect(answers.filter((answer) => answer.created)).toHaveLength(1);
        expect(new Set(answers.map((answer) => answer.record.jobId)).size).toBe(1);
      });

      test("knows who is active, in whose name, and who waits before whom", async () => {
        const store = stores.open();
        const times = [30, 10, 20, 20];
        const records = times.map((createdAt, i) =>
          job({ createdAt, client: i === 0 ? "another" : "somebody" }),
        );
        for (const record of records) await store.create(record);
        const [last, first, ...ties] = records.map((record) => record.jobId) as [
          string,
          string,
          string,
          string,
        ];
        const order = [first, ...ties.sort(), last];
        expect(await activeIds(store)).toEqual(order);
        expect(await Promise.all(order.map((jobId) => store.position(jobId)))).toEqual([0, 1, 2, 3]);
        expect([
          await store.activeOf("somebody"),
          await store.activeOf("another"),
          await store.activeOf("nobody"),
        ]).toEqual([3, 1, 0]);

        await store.update(first, (record) => ({ ...record, status: "running" }));
        expect(await activeIds(store)).toEqual(order);
        expect(await Promise.all(order.map((jobId) => store.position(jobId)))).toEqual([0, 0, 1, 2]);
        await store.update(first, (record) => ({ ...record, status: "queued" }));
        expect(await store.position(last)).toBe(3);

        await end(store, first, 40, "cancelled");
        await store.remove(ties[0]!);
        expect(await activeIds(store)).toEqual([ties[1], last]);
        expect(await store.position(last)).toBe(1);
        expect(await store.activeOf("somebody")).toBe(1);
      });

      test("shows public results alone, newest first, those of one millisecond in a fixed order", async () => {
        const store = stores.open();
        const now = Date.now();
        const ids = await addResults(store, [now + 1, now + 3, now + 2, now + 2, now + 2]);
        for (const status of ["failed", "cancelled", "running"] as const) {
          const { jobId } = (await store.create(job())).record;
          await end(store, jobId, now + 4, status);
        }
        const secret = job({ isPrivate: true });
        await store.create(secret);
        await end(store, secret.jobId, now + 4);
        const expected = [ids[1], ...ids.slice(2).sort().reverse(), ids[0]];
        for (const limit of [1, 2, 3, 5, 100]) expect(await wholeFeed(store, limit)).toEqual(expected);
      });

      test("shows each result once while others arrive and go", async () => {
        const store = stores.open();
        const now = Date.now();
        const ids = (
          await addResults(
            store,
            Array.from({ length: 12 }, (_, i) => now + i),
          )
        ).reverse();
        const first = await store.feed({ limit: 4 });
        await addResults(store, [now + 100, now + 101, now + 102]);
        await store.remove(ids[5]!);
        await store.remove(ids[3]!);
        const second = await store.feed({ limit: 4, cursor: first.next });
        const third = await store.feed({ limit: 4, cursor: second.next });
        const shown = [first, second, third].flatMap((page) => page.records.map((record) => record.jobId));
        expect(shown).toEqual(ids.filter((id) => id !== ids[5]));
        expect(second.records).toHaveLength(4);
        expect(third.next).toBeUndefined();
        // A result that is told of twice, as queues do.
        await end(store, ids[0]!, now + 11);
        expect((await wholeFeed(store, 5)).filter((id) => id === ids[0])).toHaveLength(1);
      });

      test("refuses a cursor of somebody's own making", async () => {
        const refusal = { name: "StoreError", retryable: false };
        await expect(stores.open().feed({ limit: 1, cursor: "x".repeat(300) })).rejects.toMatchObject(
          refusal,
        );
      });

      test("removes a job from everywhere, again if asked again", async () => {
        const store = stores.open();
        const [result] = await addResults(store, [Date.now()]);
        const { jobId } = (await store.create(job())).record;
        for (const id of [result!, jobId, jobId, job().jobId]) await store.remove(id);
        expect([await store.get(result!), await store.get(jobId)]).toEqual([undefined, undefined]);
        expect([await activeIds(store), await store.activeOf("somebody"), await wholeFeed(store, 9)]).toEqual(
          [[], 0, []],
        );
      });

      test("forgets what has not changed for the time of retention", async () => {
        const store = stores.open(1);
        const [result] = await addResults(store, [Date.now()]);
        const { jobId } = (await store.create(job(), "some key")).record;
        await expect
          .poll(async () => [await store.get(result!), await store.get(jobId)], { timeout: 10_000 })
          .toEqual([undefined, undefined]);
        expect([await activeIds(store), await store.activeOf("somebody"), await wholeFeed(store, 9)]).toEqual(
          [[], 0, []],
        );
        expect((await store.create(job(), "some key")).created).toBe(true);
      });

      test("keeps what changes", async () => {
        const store = stores.open(3);
        const { jobId } = (await store.create(job())).record;
        for (const begin = Date.now(); Date.now() < begin + 3_500; await sleep(100)) {
          await store.update(jobId, (record) => record);
        }
        expect(await store.get(jobId)).toBeDefined();
        expect(await activeIds(store)).toEqual([jobId]);
      });

      test("takes names that mean something to JavaScript for what they are", async () => {
        const store = stores.open();
        const options = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}}');
        const record = job({ client: "__proto__", style: "constructor", options });
        await store.create(record, "__proto__");
        await end(store, record.jobId, 7);
        const stored = await store.get(record.jobId);
        expect(JSON.stringify(stored!.options)).toBe(JSON.stringify(options));
        expect(({} as { polluted?: number }).polluted).toBeUndefined();
        expect((stored!.options as { polluted?: number }).polluted).toBeUndefined();
        expect(await store.activeOf("__proto__")).toBe(0);
        expect((await store.create(job({ client: "__proto__" }), "__proto__")).record.jobId).toBe(
          record.jobId,
        );
      });

      test("is there again after a restart", async ({ skip }) => {
        const store = stores.open();
        if (stores.reopen === undefined) skip("nothing is kept");
        const ids = await addResults(store, [Date.now(), Date.now() + 1]);
        const record = job();
        await store.create(record, "a lasting key");
        await store.update(record.jobId, (before) => ({ ...before, queueId: "7" }));
        await store.close();
        const again = stores.reopen!();
        expect(await again.get(record.jobId)).toEqual({ ...record, queueId: "7", seq: 1 });
        expect(await activeIds(again)).toEqual([record.jobId]);
        expect(await wholeFeed(again, 1)).toEqual(ids.reverse());
        expect(await again.create(job(), "a lasting key")).toMatchObject({
          created: false,
          record: { jobId: record.jobId },
        });
      });
    },
  );
}
