/**
 * Sorted sets of jobs in Redis, which follow from the records and may be behind them (see redis-job-store.ts).
 *
 *   active, active:<client>  ids of jobs that have not ended, by createdAt
 *   queued                   ids of jobs with status "queued", by createdAt
 *   feed                     `feedMember`s with one score, so that their own order counts
 *
 * Each write may be repeated. Every method may throw StoreError.
 */
import type { JobRecord } from "./job-store.ts";
import { callRedis, type RedisClient } from "./redis.ts";

/** Sets outlive the records in them, which live longer with each change, by this many seconds. */
const spareSeconds = 86_400;

export type RedisJobSets = ReturnType<typeof redisJobSets>;

export function redisJobSets(client: RedisClient, prefix: string, retentionSeconds: number) {
  const keptSeconds = retentionSeconds + spareSeconds;
  return { ids, position, feed, add, remove, publish, drop };

  /** In order. */
  async function ids(name: string): Promise<string[]> {
    return callRedis(client, () => client.zrange(prefix + name, "0", "-1"));
  }

  async function position(jobId: string): Promise<number> {
    return (await callRedis(client, () => client.zrank(`${prefix}queued`, jobId))) ?? 0;
  }

  /** At most `count` members older than `from`, the newest first. */
  async function feed(from: string | undefined, count: number): Promise<string[]> {
    const newest = from === undefined ? "+" : `(${from}`;
    return callRedis(client, () => client.zrevrangebylex(`${prefix}feed`, newest, "-", "LIMIT", 0, count));
  }

  /** A job that has not ended. */
  async function add({ jobId, client: owner, createdAt, status }: JobRecord): Promise<void> {
    await Promise.all([
      put("active", createdAt, jobId),
      put(`active:${owner}`, createdAt, jobId),
      status === "queued" ? put("queued", createdAt, jobId) : drop("queued", jobId),
    ]);
  }

  /** A job that has ended. `active` comes last: while the id is in it, the others are looked after. */
  async function remove(jobId: string, owner: string | undefined): Promise<void> {
    const others = ["queued", ...(owner === undefined ? [] : [`active:${owner}`])];
    await Promise.all(others.map((name) => drop(name, jobId)));
    await drop("active", jobId);
  }

  async function publish(member: string): Promise<void> {
    await put("feed", 0, member);
    const oldest = Date.now() - keptSeconds * 1000;
    const end = `(${String(Math.max(0, oldest)).padStart(15, "0")}`;
    await callRedis(client, () => client.zremrangebylex(`${prefix}feed`, "-", end));
  }

  async function drop(name: string, member: string): Promise<void> {
    await callRedis(client, () => client.zrem(prefix + name, member));
  }

  async function put(name: string, score: number, member: string): Promise<void> {
    const key = prefix + name;
    await Promise.all([
      callRedis(client, () => client.zadd(key, score, member)),
      callRedis(client, () => client.expire(key, keptSeconds)),
    ]);
  }
}
