/**
 * Records of jobs in the memory of one process and, where a folder is given, in a file each (job-files.ts), so that a
 * restarted gateway goes on with them. A change is in the file before memory changes: what a caller was told is on
 * disk.
 */
import { tracer } from "../common/trace.ts";
import { jobIdSchema } from "../protocol/schemas.ts";
import { type Entry, JobFiles } from "./job-files.ts";
import {
  byAge,
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

const trace = tracer("stores:jobs");

export interface LocalJobStoreOptions {
  /** Where files are kept; nowhere when not given. One process at a time may use it. */
  readonly folder?: string | undefined;
  readonly retentionSeconds: number;
  /** Told the path to which a file was moved that could not be read. */
  readonly onDamaged?: ((path: string) => void) | undefined;
}

export class LocalJobStore implements JobStore {
  /** In the order of their last change. */
  readonly #entries = new Map<string, Entry>();
  /** `<client> <hash of key>` -> jobId */
  readonly #keys = new Map<string, string>();
  /** Ids of jobs that have not ended, by client. */
  readonly #active = new Map<string, Set<string>>();
  /** `queueMember`s, sorted. */
  readonly #queued: string[] = [];
  /** `feedMember`s, sorted, the newest last. */
  readonly #feed: string[] = [];
  readonly #files: JobFiles | undefined;
  readonly #retentionMs: number;

  /** Reads the folder. Throws StoreError where it can't be used. */
  constructor({ folder, retentionSeconds, onDamaged = () => {} }: LocalJobStoreOptions) {
    this.#retentionMs = retentionSeconds * 1000;
    if (folder === undefined) return;
    this.#files = new JobFiles(folder);
    const entries = this.#files.read(onDamaged);
    for (const entry of entries.sort((a, b) => a.changedAt - b.changedAt)) this.#remember(entry);
    this.#expire();
  }

  /** A call that failed may be repeated with the same record. */
  async create(record: JobRecord, idempotencyKey?: string) {
    this.#expire();
    const key = idempotencyKey === undefined ? undefined : idempotencyHash(idempotencyKey);
    const known = key === undefined ? undefined : this.#jobOfKey(record.client, key);
    if (known !== undefined) return { record: known, created: known.tokenHash === record.tokenHash };
    const taken = this.#entries.get(record.jobId)?.record;
    if (taken?.tokenHash === record.tokenHash) return { record: taken, created: true };
    if (taken !== undefined || !jobIdSchema.safeParse(record.jobId).success) throw idTaken(record.jobId);
    return { record: this.#write(record, key), created: true };
  }

  async get(jobId: string) {
    this.#expire();
    return this.#entries.get(jobId)?.record;
  }

  async getByKey(client: string, idempotencyKey: string) {
    this.#expire();
    return this.#jobOfKey(client, idempotencyHash(idempotencyKey));
  }

  async update(jobId: string, change: (record: JobRecord) => Omit<JobRecord, "seq"> | undefined) {
    this.#expire();
    const entry = this.#entries.get(jobId);
    if (entry === undefined) return undefined;
    const changed = change(entry.record);
    if (changed === undefined) return { record: entry.record, changed: false };
    return {
      record: this.#write({ ...changed, jobId, seq: entry.record.seq + 1 }, entry.key),
      changed: true,
    };
  }

  async remove(jobId: string) {
    const entry = this.#entries.get(jobId);
    if (entry === undefined) return;
    this.#files?.remove(jobId);
    trace(() => `${jobId} removed`);
    this.#forget(entry);
  }

  async active() {
    this.#expire();
    const ids = [...this.#active.values()].flatMap((ids) => [...ids]);
    return ids.map((jobId) => this.#entries.get(jobId)!.record).sort(byAge);
  }

  async position(jobId: string) {
    this.#expire();
    const record = this.#entries.get(jobId)?.record;
    const member = record === undefined ? undefined : queueMember(record);
    return member === undefined ? 0 : rankOf(this.#queued, member);
  }

  async activeOf(client: string) {
    this.#expire();
    return this.#active.get(client)?.size ?? 0;
  }

  async feed({ limit, cursor }: { limit: number; cursor?: string | undefined }) {
    this.#expire();
    const end = cursor === undefined ? this.#feed.length : rankOf(this.#feed, memberOf(cursor));
    const members = this.#feed.slice(Math.max(0, end - limit), end).reverse();
    const records = members.map((member) => this.#entries.get(jobIdOfMember(member))!.record);
    const last = members.at(-1);
    return last !== undefined && end > limit ? { records, next: cursorOf(last) } : { records };
  }

  async check() {
    this.#files?.check();
  }

  async close() {
    this.#files?.close();
  }

  #jobOfKey(client: string, key: string): JobRecord | undefined {
    const entry = this.#entries.get(this.#keys.get(`${client} ${key}`) ?? "");
    const fresh = entry !== undefined && entry.record.createdAt + idempotencySeconds * 1000 > Date.now();
    return fresh ? entry.record : undefined;
  }

  #write(given: JobRecord, key: string | undefined): JobRecord {
    const text = JSON.stringify({ record: given, changedAt: Date.now(), key });
    // What is in memory is what a restart would read, and nobody else's to change.
    const entry: Entry = JSON.parse(text);
    this.#files?.write(given.jobId, text, given.seq);
    trace(() => `${given.jobId} written, ${given.status}, seq ${given.seq}`);
    const before = this.#entries.get(given.jobId);
    if (before !== undefined) this.#forget(before);
    this.#remember(entry);
    return entry.record;
  }

  #remember(entry: Entry): void {
    const { record, key } = entry;
    this.#entries.set(record.jobId, entry);
    if (key !== undefined) this.#keys.set(`${record.client} ${key}`, record.jobId);
    const active = this.#active.get(record.client) ?? new Set();
    if (isActive(record)) this.#active.set(record.client, active.add(record.jobId));
    insert(this.#queued, queueMember(record));
    insert(this.#feed, feedMember(record));
  }

  #forget({ record, key }: Entry): void {
    this.#entries.delete(record.jobId);
    const active = this.#active.get(record.client);
    if (active?.delete(record.jobId) && active.size === 0) this.#active.delete(record.client);
    const name = `${record.client} ${key}`;
    if (this.#keys.get(name) === record.jobId) this.#keys.delete(name);
    take(this.#queued, queueMember(record));
    take(this.#feed, feedMember(record));
  }

  #expire(): void {
    const limit = Date.now() - this.#retentionMs;
    for (const entry of this.#entries.values()) {
      if (entry.changedAt >= limit) return;
      this.#forget(entry);
      this.#files?.tryToRemove(entry.record.jobId);
    }
  }
}

/** Where a record stands in the queue: texts in whose order jobs wait. Undefined for what does not wait. */
function queueMember({ status, createdAt, jobId }: JobRecord): string | undefined {
  return status === "queued" ? `${String(Math.trunc(createdAt)).padStart(15, "0")}:${jobId}` : undefined;
}

function insert(sorted: string[], member: string | undefined): void {
  if (member !== undefined) sorted.splice(rankOf(sorted, member), 0, member);
}

function take(sorted: string[], member: string | undefined): void {
  if (member !== undefined) sorted.splice(rankOf(sorted, member), 1);
}

/** How many members of the sorted list are smaller. */
function rankOf(sorted: readonly string[], member: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < member) low = middle + 1;
    else high = middle;
  }
  return low;
}
