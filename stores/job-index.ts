/** What the two stores of jobs have in common: the order of the feed, and how records and keys are written. */
import { createHash } from "node:crypto";
import { isTerminal } from "../protocol/protocol.ts";
import type { JobRecord } from "./job-store.ts";
import { StoreError } from "./object-store.ts";

/** Seconds for which an idempotency key means the same job. */
export const idempotencySeconds = 86_400;

const memberForm = /^\d{15}:[0-9a-f]{32}$/;

/**
 * Where a record stands in the feed: texts in whose order the feed is sorted, the newest last. Undefined for what isn't
 * a public result.
 */
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
  throw new StoreError("Expected the cursor of an earlier page but received another text.", {
    retryable: false,
  });
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
  return new StoreError(`Expected a new job but received the id of another, ${jobId}.`, { retryable: false });
}
