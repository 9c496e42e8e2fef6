/** What a load test finds, from what its processes saw. Times in ms, memory in bytes. */
import type { ClientReport, Memory, Usage } from "./messages.ts";

export interface Delays {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** By the nearest rank. Undefined of no values. */
export function delaysOf(values: readonly number[]): Delays | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

export interface Deliveries {
  readonly accepted: number;
  /** Jobs whose completion came to nobody. */
  readonly missing: number;
  /** Completions beyond the first, and those that came to somebody else. */
  readonly duplicates: number;
  readonly strays: number;
  readonly failures: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly disconnects: number;
  /** Public results, and how often one was told to a client too seldom or too often. */
  readonly broadcasts: number;
  readonly broadcastsMissing: number;
  readonly broadcastDuplicates: number;
  /** From a request to its answer. */
  readonly answer: Delays | undefined;
  /** From the moment that a job's result was handed to the queue to its client. */
  readonly delivery: Delays | undefined;
  /** The same of public results, to the last of all clients. */
  readonly fanOut: Delays | undefined;
}

/** Times count for jobs whose result was published from `from` on. */
export function deliveriesOf(
  reports: readonly ClientReport[],
  publishedAt: ReadonlyMap<string, number>,
  { clients, from }: { readonly clients: number; readonly from: number },
): Deliveries {
  const jobs = reports.flatMap((report) => report.jobs);
  const sum = (count: (report: ClientReport) => number) =>
    reports.reduce((total, report) => total + count(report), 0);
  const counts = (jobId: string) => (publishedAt.get(jobId) ?? 0) >= from;
  const publicJobs = jobs.filter(({ isPublic }) => isPublic);
  const broadcasts = publicJobs.map(({ jobId }) => {
    const seen = reports.flatMap((report) => report.broadcasts.filter((one) => one.jobId === jobId));
    return {
      jobId,
      clients: seen.reduce((total, one) => total + one.clients, 0),
      lastAt: Math.max(...seen.map(({ lastAt }) => lastAt)),
    };
  });
  const refused: Record<string, number> = {};
  for (const report of reports)
    for (const [code, count] of Object.entries(report.refused)) refused[code] = (refused[code] ?? 0) + count;
  return {
    accepted: jobs.length,
    missing: jobs.filter(({ completions }) => completions === 0).length,
    duplicates: jobs.reduce((total, { completions }) => total + Math.max(0, completions - 1), 0),
    strays: sum((report) => report.strays),
    failures: sum((report) => report.failures),
    refused,
    disconnects: sum((report) => report.disconnects),
    broadcasts: publicJobs.length,
    broadcastsMissing: broadcasts.reduce((total, one) => total + clients - one.clients, 0),
    broadcastDuplicates: sum((report) =>
      report.broadcasts.reduce((all, { duplicates }) => all + duplicates, 0),
    ),
    answer: delaysOf(
      jobs.filter(({ jobId }) => counts(jobId)).map(({ sentAt, acceptedAt }) => acceptedAt - sentAt),
    ),
    delivery: delaysOf(
      jobs.flatMap(({ jobId, completedAt }) =>
        completedAt !== undefined && counts(jobId) ? [completedAt - publishedAt.get(jobId)!] : [],
      ),
    ),
    fanOut: delaysOf(
      broadcasts.flatMap(({ jobId, lastAt, clients: reached }) =>
        reached > 0 && counts(jobId) ? [lastAt - publishedAt.get(jobId)!] : [],
      ),
    ),
  };
}

/** Percent of one core between two readings. */
export function share(before: Usage, after: Usage, ms: number): number {
  return (100 * (after.user + after.system - before.user - before.system)) / ms;
}

export interface MemoryFigures {
  /** Means of the second and of the last quarter. */
  readonly rss: readonly [second: number, last: number];
  /** After garbage collection, at the ends of these quarters. */
  readonly heap: readonly [second: number, last: number];
}

/** `samples` at even intervals; `collected` at the end of the second quarter and of the last. */
export function memoryOf(samples: readonly Memory[], collected: readonly [Memory, Memory]): MemoryFigures {
  const quarter = (n: number) =>
    samples.slice(Math.floor((n * samples.length) / 4), Math.ceil(((n + 1) * samples.length) / 4));
  const mean = (some: readonly Memory[]) => some.reduce((sum, { rss }) => sum + rss, 0) / some.length;
  return {
    rss: [mean(quarter(1)), mean(quarter(3))],
    heap: [collected[0].heap, collected[1].heap],
  };
}
