/** The figures of a load test as Markdown. */
import type { Machine } from "../machine.ts";
import type { Delays, MemoryFigures } from "./figures.ts";
import type { LoadOptions } from "./options.ts";
import type { LoadResult } from "./run.ts";

/** Milliseconds that the service aims at. */
export const targets = { deliveryP99: 250, fanOut: 500 } as const;
const MB = 1e6;

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
    `${options.clients} clients, ${options.rate} jobs a second, ${options.seconds} s, ${options.gateways} gateway(s), ` +
    `stores: ${options.stores}; ${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${date.slice(0, 10)}`;
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
  const pair = ([second, last]: readonly [number, number]) =>
    `${(second / MB).toFixed(1)} -> ${(last / MB).toFixed(1)} MB`;
  return `second to last quarter: RSS ${pair(rss)}, heap after collection ${pair(heap)}`;
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
