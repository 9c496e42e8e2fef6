/** What a load test finds, from what its processes saw. Times in ms, memory in bytes. */

import { megabytes } from "../../common/megabytes.ts";
import type { Machine } from "../machine.ts";
import { sum } from "../report.ts";
import type { LoadOptions } from "./options.ts";
import type { ClientReport, Memory, Usage } from "./processes.ts";

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
  const inAll = (count: (report: ClientReport) => number) => sum(reports.map(count));
  const counts = (jobId: string) => (publishedAt.get(jobId) ?? 0) >= from;
  const publicJobs = jobs.filter(({ isPublic }) => isPublic);
  const broadcasts = publicJobs.map(({ jobId }) => {
    const seen = reports.flatMap((report) => report.broadcasts.filter((one) => one.jobId === jobId));
    return {
      jobId,
      clients: sum(seen.map((one) => one.clients)),
      lastAt: Math.max(...seen.map(({ lastAt }) => lastAt)),
    };
  });
  const refused: Record<string, number> = {};
  for (const report of reports)
    for (const [code, count] of Object.entries(report.refused)) refused[code] = (refused[code] ?? 0) + count;
  return {
    accepted: jobs.length,
    missing: jobs.filter(({ completions }) => completions === 0).length,
    duplicates: sum(jobs.map(({ completions }) => Math.max(0, completions - 1))),
    strays: inAll((report) => report.strays),
    failures: inAll((report) => report.failures),
    refused,
    disconnects: inAll((report) => report.disconnects),
    broadcasts: publicJobs.length,
    broadcastsMissing: sum(broadcasts.map((one) => clients - one.clients)),
    broadcastDuplicates: inAll((report) => sum(report.broadcasts.map(({ duplicates }) => duplicates))),
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
  const mean = (some: readonly Memory[]) => sum(some.map(({ rss }) => rss)) / some.length;
  return {
    rss: [mean(quarter(1)), mean(quarter(3))],
    heap: [collected[0].heap, collected[1].heap],
  };
}

export interface LoadResult {
  readonly deliveries: Deliveries;
  /** Percent of one core, by process. */
  readonly cpu: Readonly<Record<string, number>>;
  /**
   * Percent of one core that gateways spend on taking pictures apart and putting them together, as measured beforehand.
   */
  readonly pictureCpu: number;
  /** Of each gateway. */
  readonly memory: readonly MemoryFigures[];
  readonly memorySamples: readonly (readonly Memory[])[];
  /** Delays of each gateway's event loop, milliseconds. */
  readonly loop: readonly { readonly p99: number; readonly max: number }[];
  /** What gateways and the worker reported, each sentence with how often it came. */
  readonly errors: Readonly<Record<string, number>>;
  /** Processes that wanted to run in the last minute, on average, before the load and at its end. */
  readonly load: readonly [before: number, after: number];
}

/** Milliseconds that the service aims at. */
export const targets = { deliveryP99: 250, fanOut: 500 } as const;

export function describe(result: LoadResult, options: LoadOptions, machine: Machine, date: string): string {
  const { deliveries: d, memory, loop, cpu, load } = result;
  const rows: [string, string][] = [
    ["jobs accepted", `${d.accepted}, refused ${sumOf(d.refused)}`],
    ["completions missing / twice / to others", `${d.missing} / ${d.duplicates} / ${d.strays}`],
    ["broadcasts, missing / twice", `${d.broadcasts}, ${d.broadcastsMissing} / ${d.broadcastDuplicates}`],
    ["failures, disconnects, errors", `${d.failures}, ${d.disconnects}, ${sumOf(result.errors)}`],
    [`queue to client, p99 < ${targets.deliveryP99}`, delaysText(d.delivery)],
    [`public result to the last client, < ${targets.fanOut}`, delaysText(d.fanOut)],
    ["request to answer", delaysText(d.answer)],
    ...loop.map(({ p99, max }, i): [string, string] => [
      `event loop of gateway ${i + 1}`,
      `p99 ${p99.toFixed(0)}, max ${max.toFixed(0)} ms`,
    ]),
    ...Object.entries(cpu).map(([name, percent]): [string, string] => [
      `CPU of ${name}`,
      `${percent.toFixed(0)} % of a core`,
    ]),
    ["of the gateways': pictures", `about ${result.pictureCpu.toFixed(0)} % of a core`],
    ...memory.map((one, i): [string, string] => [`memory of gateway ${i + 1}`, memoryText(one)]),
    ["load average, before and at the end", load.map((value) => value.toFixed(2)).join(", ")],
  ];
  const head =
    `${options.clients} clients, ${options.rate} jobs a second, ${options.seconds} s, ` +
    `${options.gateways} gateway(s), ` +
    `stores: ${options.stores}; ${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ` +
    `${date.slice(0, 10)}`;
  const lines = rows.map(([name, value]) => `| ${name} | ${value} |`);
  const errors = Object.entries(result.errors).map(([sentence, count]) => `${count} x ${sentence}`);
  return [
    head,
    "",
    "| | |",
    "|---|---|",
    ...lines,
    ...(errors.length > 0 ? ["", ...errors.slice(0, 20)] : []),
  ].join("\n");
}

/** One sentence for each thing that is not as it should be. */
export function faultsOf({ deliveries: d, errors }: LoadResult): string[] {
  const found: [boolean, string][] = [
    [d.missing > 0, `${d.missing} completions are missing`],
    [d.duplicates + d.strays > 0, `${d.duplicates} completions came twice and ${d.strays} to others`],
    [d.broadcastsMissing + d.broadcastDuplicates > 0, "broadcasts are missing or came twice"],
    [
      d.failures + sumOf(d.refused) > 0,
      `${sumOf(d.refused)} requests were refused and ${d.failures} jobs failed`,
    ],
    [sumOf(errors) > 0, `${sumOf(errors)} errors were reported`],
    [!(d.delivery && d.delivery.p99 < targets.deliveryP99), `p99 is not below ${targets.deliveryP99} ms`],
    [!(d.fanOut && d.fanOut.max < targets.fanOut), `fan-out is not below ${targets.fanOut} ms`],
  ];
  return found.filter(([isTrue]) => isTrue).map(([, sentence]) => sentence);
}

function delaysText(delays: Delays | undefined): string {
  if (!delays) return "none";
  const { p50, p95, p99, max, count } = delays;
  return `p50 ${p50}, p95 ${p95}, p99 ${p99}, max ${max} ms of ${count}`;
}

function memoryText({ rss, heap }: MemoryFigures): string {
  const pair = (values: readonly [number, number]) => values.map(megabytes).join(" -> ");
  return `second to last quarter: RSS ${pair(rss)}, heap after collection ${pair(heap)}`;
}

const sumOf = (counts: Readonly<Record<string, number>>) => sum(Object.values(counts));
