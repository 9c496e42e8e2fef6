/** The jobs that this browser started: their tokens are kept here and nowhere else. */
import type { JobReference } from "../client/index.ts";

export interface OwnJob extends JobReference {
  readonly isPrivate: boolean;
  /** A style's name; absent when it was the visitor's own picture. */
  readonly style?: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

const KEY = "stylize:jobs";
/** Older ones are forgotten; the service keeps none of them as long. */
const MOST = 100;

/** The newest first. */
export function ownJobs(): readonly OwnJob[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(value) ? value.filter(isOwnJob) : [];
  } catch {
    return []; // somebody else's text, or storage that may not be used
  }
}

export function ownJob(jobId: string): OwnJob | undefined {
  return ownJobs().find((job) => job.jobId === jobId);
}

/** False where the browser keeps nothing: then the token should go into the address. */
export function remember(job: OwnJob): boolean {
  return store([job, ...ownJobs().filter(({ jobId }) => jobId !== job.jobId)].slice(0, MOST));
}

export function forget(jobId: string): void {
  store(ownJobs().filter((job) => job.jobId !== jobId));
}

function store(jobs: readonly OwnJob[]): boolean {
  try {
    localStorage.setItem(KEY, JSON.stringify(jobs));
    return true;
  } catch {
    return false;
  }
}

function isOwnJob(value: unknown): value is OwnJob {
  const { jobId, token, createdAt } = (value ?? {}) as Partial<OwnJob>;
  return typeof jobId === "string" && typeof token === "string" && typeof createdAt === "number";
}
