/** Every store of jobs, for one suite over all of them, and records to put into them. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { JobRecord, JobStore } from "../job-store.ts";
import { LocalJobStore } from "../local-job-store.ts";
import { closeRedis, connectRedis, type RedisClient } from "../redis.ts";
import { RedisJobStore } from "../redis-job-store.ts";
import { redisMissing, startRedis, startRedisCluster } from "./redis.ts";

export interface Stores extends AsyncDisposable {
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

export function job(change: Partial<JobRecord> = {}): JobRecord {
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

export function end(
  store: JobStore,
  jobId: string,
  endedAt: number,
  status: JobRecord["status"] = "succeeded",
) {
  return store.update(jobId, (record) => ({
    ...record,
    status,
    endedAt,
    resultKey: `public/output/${jobId}.png`,
  }));
}

export async function addResults(store: JobStore, ended: readonly number[]): Promise<string[]> {
  const ids: string[] = [];
  for (const endedAt of ended) {
    const record = job();
    await store.create(record);
    await end(store, record.jobId, endedAt);
    ids.push(record.jobId);
  }
  return ids;
}

export async function wholeFeed(store: JobStore, limit: number): Promise<string[]> {
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

/** Declares tests for each kind of store; `stores` gives the present one within a test. */
export function describeStores(declare: (stores: () => Stores) => void): void {
  for (const { name, missing, start } of kinds) {
    describe.skipIf(missing)(missing === undefined ? name : `${name} (${missing})`, () => {
      let stores: Stores;
      beforeAll(async () => {
        stores = await start();
      });
      afterAll(async () => stores?.[Symbol.asyncDispose]());
      declare(() => stores);
    });
  }
}
