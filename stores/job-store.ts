/**
 * The records of jobs: in memory (and files) on one machine, in Redis in the cloud; and what both stores have in
 * common, the order of the feed and how records and keys are written.
 */
import { createHash } from "node:crypto";
import {
  type FailureReason,
  isTerminal,
  type JobOptions,
  type JobStatus,
  type WorkerProgress,
} from "../protocol/protocol.ts";
import { StoreError } from "./object-store.ts";

export interface JobRecord {
  readonly jobId: string;
  /** SHA-256 of the token, hexadecimal: the token itself is not kept. */
  readonly tokenHash: string;
  /** Who asked: hash of the address, or the subject of the login. */
  readonly client: string;
  readonly requestId: string;
  readonly status: JobStatus;
  /** Rises with each change. */
  readonly seq: number;
  readonly isPrivate: boolean;
  readonly contentKey: string;
  /** A style's name, or the key of the client's own. */
  readonly style: string;
  readonly options: JobOptions;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** The queue's id of it, once it was submitted. */
  readonly queueId?: string;
  readonly progress?: WorkerProgress;
  readonly resultKey?: string;
  readonly failure?: FailureReason;
}

/** Records live for `retentionSeconds` after their last change. Every method may throw StoreError. */
export interface JobStore {
  /** Adds a record, unless this client has used the idempotency key before: then returns the job that it stands for. */
  create(
    record: JobRecord,
    idempotencyKey?: string,
  ): Promise<{ readonly record: JobRecord; readonly created: boolean }>;
  get(jobId: string): Promise<JobRecord | undefined>;
  /** The job that this client's idempotency key stands for, if any. */
  getByKey(client: string, idempotencyKey: string): Promise<JobRecord | undefined>;
  /**
   * Replaces the record by what `change` makes of it, with the next `seq`, unless somebody else was faster: then
   * `change` is asked again. It returns undefined to leave the record alone. Returns the record as it is then,
   * undefined where there is none, and whether it changed.
   */
  update(
    jobId: string,
    change: (record: JobRecord) => Omit<JobRecord, "seq"> | undefined,
  ): Promise<{ readonly record: JobRecord; readonly changed: boolean } | undefined>;
  remove(jobId: string): Promise<void>;
  /** Jobs that have not ended, oldest first. */
  active(): Promise<readonly JobRecord[]>;
  /** How many queued jobs were created before this one. */
  position(jobId: string): Promise<number>;
  /** How many jobs of this client have not ended. */
  activeOf(client: string): Promise<number>;
  /** Public results, newest first; each once. */
  feed(options: {
    readonly limit: number;
    readonly cursor?: string | undefined;
  }): Promise<{ readonly records: readonly JobRecord[]; readonly next?: string }>;
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Seconds for which an idempotency key means the same job. */
export const idempotencySeconds = 86_400;

const memberForm = /^\d{15}:[0-9a-f]{32}$/;

/** Texts in whose order the feed is sorted, the newest last. Undefined for what isn't a public result. */
export function feedMember(record: JobRecord): string | undefined {
  if (record.status !== "succeeded" || record.isPrivate) return undefined;
  const at = Math.trunc(record.endedAt ?? record.createdAt);
  return `${String(at).padStart(15, "0")}:${record.jobId}`;
}

export function jobIdOfMember(member: string): string {
  return member.slice(16);
}

export function cursorOf(member: string): string {
  return Buffer.from(member).toString("base64url");
}

/** Throws StoreError for what `cursorOf` didn't make. */
export function memberOf(cursor: string): string {
  const member = Buffer.from(cursor, "base64url").toString();
  if (memberForm.test(member)) return member;
  throw new StoreError("Expected the cursor of an earlier page but received another text.");
}

/** Keys are clients' own words: hashed, they have one length and no meaning to a store. */
export function idempotencyHash(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

export function isActive(record: JobRecord): boolean {
  return !isTerminal(record.status);
}

/** Oldest first. */
export function byAge(a: JobRecord, b: JobRecord): number {
  return a.createdAt - b.createdAt || (a.jobId < b.jobId ? -1 : 1);
}

/** The error of adding a record whose id is taken: ids are random, so it is a defect. */
export function idTaken(jobId: string): StoreError {
  return new StoreError(`Expected a new job but received the id of another, ${jobId}.`);
}
