/**
 * Records of jobs in Redis, standalone or cluster, for any number of gateways.
 *
 *   job:<jobId>           hash {seq, by, data}: the record as JSON; `by` names the write that made it
 *   idem:<client>:<hash>  jobId that an idempotency key stands for
 *   and the sets of redis-job-sets.ts
 *
 * On a cluster these lie on different nodes, so no transaction spans them. The record alone is the truth; everything
 * else follows from it, and may be behind:
 * - create: record, then idempotency key, then sets. A crash leaves a record that nobody was told of, and that expires,
 *   or one that its key leads to: the retry that comes with the key adds it to the sets. A key whose record is gone was
 *   used for a job that was removed, never for one about to be written.
 * - update: record, then feed, then removal from the active sets. An id in `active` whose record has ended is the sign
 *   of a crash between; `active()` sees it, repeats the rest and drops it.
 * - remove: record, then sets. Ids without a record are skipped and dropped wherever they are met: records are written
 *   first, so none is on its way. Every key expires.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { tracer } from "../common/trace.ts";
import {
  cursorOf,
  feedMember,
  idempotencyHash,
  idempotencySeconds,
  idTaken,
  isActive,
  type JobRecord,
  type JobStore,
  jobIdOfMember,
  memberOf,
} from "./job-store.ts";
import { StoreError } from "./object-store.ts";
import { callRedis, type RedisClient, redisScript } from "./redis.ts";
import { type RedisJobSets, redisJobSets } from "./redis-job-sets.ts";

/**
 * Writes a record where the stored one has the expected seq ("" where there must be none). A write whose answer was
 * lost is known again by its name when it is repeated.
 */
const replaceRecord = redisScript(`
  local stored = redis.call('HMGET', KEYS[1], 'seq', 'by')
  local expected, seq, by, data, seconds = unpack(ARGV)
  if stored[2] == by then return 1 end
  if (stored[1] or '') ~= expected then return 0 end
  redis.call('HSET', KEYS[1], 'seq', seq, 'by', by, 'data', data)
  redis.call('EXPIRE', KEYS[1], seconds)
  return 1
`);

/** Makes a key mean another job, unless it has come to mean yet another. */
const replaceKey = redisScript(`
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
  return 1
`);

const trace = tracer("stores:redis");

export interface RedisJobStoreOptions {
  /** Put before every key; "stylize:". */
  readonly prefix?: string | undefined;
  readonly retentionSeconds: number;
  /** Told of a set that could not be brought up to date; `active()` does so later. */
  readonly onBehind?: ((error: unknown) => void) | undefined;
}

export class RedisJobStore implements JobStore {
  readonly #client: RedisClient;
  readonly #sets: RedisJobSets;
  readonly #prefix: string;
  readonly #retentionSeconds: number;
  readonly #onBehind: (error: unknown) => void;

  /** The connection (`connectRedis`) may be shared, and is its maker's to close. */
  constructor(client: RedisClient, options: RedisJobStoreOptions) {
    this.#client = client;
    this.#prefix = options.prefix ?? "stylize:";
    this.#retentionSeconds = options.retentionSeconds;
    this.#sets = redisJobSets(client, this.#prefix, options.retentionSeconds);
    this.#onBehind = options.onBehind ?? (() => {});
  }

  /** A call that failed may be repeated with the same record. */
  async create(given: JobRecord, idempotencyKey?: string) {
    const record = await this.#add(copyOf(given));
    const known = idempotencyKey === undefined ? undefined : await this.#claim(record, idempotencyKey);
    if (known !== undefined) await this.#delete(record.jobId);
    const kept = known ?? record;
    if (isActive(kept)) await this.#sets.add(kept);
    return { record: kept, created: known === undefined };
  }

  async get(jobId: string): Promise<JobRecord | undefined> {
    const data = await callRedis(this.#client, () => this.#client.hget(this.#job(jobId), "data"));
    return data === null ? undefined : JSON.parse(data);
  }

  async getByKey(client: string, idempotencyKey: string) {
    const key = this.#key(client, idempotencyKey);
    const owner = await callRedis(this.#client, () => this.#client.get(key));
    return owner === null ? undefined : this.get(owner);
  }

  async update(jobId: string, change: (record: JobRecord) => Omit<JobRecord, "seq"> | undefined) {
    for (let attempt = 0; attempt < 200; attempt++) {
      const before = await this.get(jobId);
      if (before === undefined) return undefined;
      const changed = change(before);
      if (changed === undefined) return { record: before, changed: false };
      const record = copyOf({ ...changed, jobId, seq: before.seq + 1 });
      if (await this.#replace(String(before.seq), record)) {
        // The change is made: that a set is behind must not hide it from the one caller who is to act on it.
        await this.#follow(before, record).catch(this.#onBehind);
        return { record, changed: true };
      }
      await sleep(Math.random() * Math.min(attempt, 20));
    }
    const message = `Expected to change job ${jobId} but others changed it each time.`;
    throw new StoreError(message, { retryable: true });
  }

  async remove(jobId: string) {
    const record = await this.get(jobId);
    trace(() => `${jobId} removed`);
    await this.#delete(jobId);
    await this.#sets.remove(jobId, record?.client);
    const member = record === undefined ? undefined : feedMember(record);
    if (member !== undefined) await this.#sets.drop("feed", member);
  }

  async active() {
    const ids = await this.#sets.ids("active");
    const queued = new Set(await this.#sets.ids("queued"));
    const records = await this.#records(ids);
    const isRight = (jobId: string, i: number) =>
      isLive(records[i]) && (records[i].status === "queued") === queued.has(jobId);
    const known = new Set(ids);
    const wrong = [
      ...ids.filter((jobId, i) => !isRight(jobId, i)),
      ...[...queued].filter((id) => !known.has(id)),
    ];
    for (const jobId of wrong) await this.#repair(jobId);
    return records.filter(isLive);
  }

  async position(jobId: string) {
    return this.#sets.position(jobId);
  }

  async activeOf(client: string) {
    const ids = await this.#sets.ids(`active:${client}`);
    const records = await this.#records(ids);
    const ended = ids.filter((_, i) => !isLive(records[i]));
    for (const jobId of ended) await this.#sets.drop(`active:${client}`, jobId);
    return ids.length - ended.length;
  }

  async feed({ limit, cursor }: { limit: number; cursor?: string | undefined }) {
    const members: string[] = [];
    const records: JobRecord[] = [];
    let from = cursor === undefined ? undefined : memberOf(cursor);
    // One more than asked for tells whether there is a next page.
    while (records.length <= limit) {
      const count = limit + 1 - records.length;
      const page = await this.#sets.feed(from, count);
      const found = await this.#records(page.map(jobIdOfMember));
      for (const [i, member] of page.entries()) {
        const record = found[i];
        if (record === undefined || feedMember(record) !== member) {
          await this.#sets.drop("feed", member);
          continue;
        }
        members.push(member);
        records.push(record);
      }
      if (page.length < count) return { records };
      from = page.at(-1);
    }
    return { records: records.slice(0, limit), next: cursorOf(members[limit - 1]!) };
  }

  async check() {
    // A key, not PING: that is answered by a cluster that has lost a node, too.
    await callRedis(this.#client, () => this.#client.exists(`${this.#prefix}active`));
  }

  async close() {}

  /** The record, or what has become of it where an earlier call wrote it and failed later. */
  async #add(record: JobRecord): Promise<JobRecord> {
    if (await this.#replace("", record)) return record;
    const stored = await this.get(record.jobId);
    if (stored?.tokenHash !== record.tokenHash) throw idTaken(record.jobId);
    return stored;
  }

  /** The job that the key stands for already, if any; it stands for `record` otherwise. */
  async #claim(record: JobRecord, idempotencyKey: string): Promise<JobRecord | undefined> {
    const key = this.#key(record.client, idempotencyKey);
    for (;;) {
      await callRedis(this.#client, () =>
        this.#client.set(key, record.jobId, "EX", idempotencySeconds, "NX"),
      );
      const owner = await callRedis(this.#client, () => this.#client.get(key));
      if (owner === record.jobId) return undefined;
      if (owner === null) continue;
      const known = await this.get(owner);
      if (known !== undefined) return known;
      await replaceKey(this.#client, key, [owner, record.jobId, idempotencySeconds]);
    }
  }

  async #replace(expected: string, record: JobRecord): Promise<boolean> {
    const { jobId, seq } = record;
    const args = [expected, seq, randomUUID(), JSON.stringify(record), this.#retentionSeconds];
    const isWritten = (await replaceRecord(this.#client, this.#job(jobId), args)) === 1;
    trace(() => `${jobId} ${isWritten ? "written" : "not written"}, ${record.status}, seq ${seq}`);
    return isWritten;
  }

  async #delete(jobId: string): Promise<void> {
    await callRedis(this.#client, () => this.#client.del(this.#job(jobId)));
  }

  async #records(ids: readonly string[]): Promise<(JobRecord | undefined)[]> {
    return Promise.all(ids.map((jobId) => this.get(jobId)));
  }

  /** Brings the sets up to date after a change. */
  async #follow(before: JobRecord, record: JobRecord): Promise<void> {
    const [member, memberBefore] = [feedMember(record), feedMember(before)];
    if (member !== memberBefore) {
      if (member !== undefined) await this.#sets.publish(member);
      if (memberBefore !== undefined) await this.#sets.drop("feed", memberBefore);
    }
    if (before.status === record.status) return;
    if (isActive(record)) await this.#sets.add(record);
    else await this.#sets.remove(record.jobId, record.client);
  }

  async #repair(jobId: string): Promise<void> {
    const record = await this.get(jobId);
    if (record !== undefined && isActive(record)) return this.#sets.add(record);
    const member = record === undefined ? undefined : feedMember(record);
    if (member !== undefined) await this.#sets.publish(member);
    await this.#sets.remove(jobId, record?.client);
  }

  #key(client: string, idempotencyKey: string): string {
    return `${this.#prefix}idem:${client}:${idempotencyHash(idempotencyKey)}`;
  }

  #job(jobId: string): string {
    return `${this.#prefix}job:${jobId}`;
  }
}

function isLive(record: JobRecord | undefined): record is JobRecord {
  return record !== undefined && isActive(record);
}

/** The record as it is read again. */
function copyOf(record: JobRecord): JobRecord {
  return JSON.parse(JSON.stringify(record));
}
