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

export class RedisJobSets {
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #retentionSeconds: number;

  constructor(client: RedisClient, prefix: string, retentionSeconds: number) {
    this.#client = client;
    this.#prefix = prefix;
    this.#retentionSeconds = retentionSeconds;
  }

  /** In order. */
  async ids(name: string): Promise<string[]> {
    return this.#call((redis) => redis.zrange(this.#prefix + name, "0", "-1"));
  }

  async position(jobId: string): Promise<number> {
    return (await this.#call((redis) => redis.zrank(`${this.#prefix}queued`, jobId))) ?? 0;
  }

  /** At most `count` members older than `from`, the newest first. */
  async feed(from: string | undefined, count: number): Promise<string[]> {
    const newest = from === undefined ? "+" : `(${from}`;
    return this.#call((redis) => redis.zrevrangebylex(`${this.#prefix}feed`, newest, "-", "LIMIT", 0, count));
  }

  /** A job that has not ended. */
  async add({ jobId, client, createdAt, status }: JobRecord): Promise<void> {
    await Promise.all([
      this.#put("active", createdAt, jobId),
      this.#put(`active:${client}`, createdAt, jobId),
      status === "queued" ? this.#put("queued", createdAt, jobId) : this.drop("queued", jobId),
    ]);
  }

  /** A job that has ended. `active` comes last: while the id is in it, the others are looked after. */
  async remove(jobId: string, client: string | undefined): Promise<void> {
    const others = ["queued", ...(client === undefined ? [] : [`active:${client}`])];
    await Promise.all(others.map((name) => this.drop(name, jobId)));
    await this.drop("active", jobId);
  }

  async publish(member: string): Promise<void> {
    await this.#put("feed", 0, member);
    const oldest = Date.now() - (this.#retentionSeconds + spareSeconds) * 1000;
    const end = `(${String(Math.max(0, oldest)).padStart(15, "0")}`;
    await this.#call((redis) => redis.zremrangebylex(`${this.#prefix}feed`, "-", end));
  }

  async drop(name: string, member: string): Promise<void> {
    await this.#call((redis) => redis.zrem(this.#prefix + name, member));
  }

  async #put(name: string, score: number, member: string): Promise<void> {
    const key = this.#prefix + name;
    const seconds = this.#retentionSeconds + spareSeconds;
    await Promise.all([
      this.#call((redis) => redis.zadd(key, score, member)),
      this.#call((redis) => redis.expire(key, seconds)),
    ]);
  }

  #call<T>(command: (redis: RedisClient) => Promise<T>): Promise<T> {
    return callRedis(this.#client, () => command(this.#client));
  }
}
