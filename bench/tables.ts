/** Markdown of what was measured. */

import type { Machine } from "./machine.ts";
import type {
  AdapterReport,
  KeptMeasurement,
  PeerMeasurement,
  PeerResult,
  ProfileEntry,
  ReportHead,
} from "./report.ts";
import { type NetworkName, networkOf } from "./task.ts";
import { floorMs, peaksOf, stepOperations, stepWork } from "./work.ts";

/** Relative difference of loss and gradient norm that is allowed to peers that compute in f32. */
export const F32_TOLERANCE = 1e-3;

/** The same, by the precision of the engine's own. */
const ownTolerance = { f32: F32_TOLERANCE, f16: 5e-3 } as const;

/** Parts of a profile that are listed one by one. */
const LISTED = 25;

type Cell = string | number;

/** A table; numbers are aligned right by Markdown readers. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) => (typeof rows[0]?.[column] === "number" || column > 0 ? "--:" : "---"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

const seconds = (ms: number | undefined) => (ms === undefined ? "-" : digits(ms / 1e3));
export const digits = (value: number) => (value >= 10 ? value.toFixed(1) : value.toPrecision(3));
export const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;

/** adapter: undefined where it is not known. */
export function machineText({ machine, date }: ReportHead, adapter: AdapterReport | undefined): string {
  const { processor, cores, memory, system, node, webgpu, load, commit } = machine;
  const busy = load === undefined ? "" : `, load ${load.toFixed(1)} before`;
  return [
    ...(adapter ? [adapterText(machine, adapter)] : []),
    `- machine: ${processor}, ${cores} cores, ${Math.round(memory / 1e9)} GB, ${system}, Node ` +
      `${node}, webgpu ${webgpu}${busy}`,
    `- date: ${date}${commit ? `, commit ${commit}` : ""}`,
  ].join("\n");
}

function adapterText({ nvidia }: Machine, adapter: AdapterReport): string {
  const { name, driver, family, precision } = adapter;
  const bits = /\d bits/.test(name) ? undefined : vectorBits(adapter);
  const vectors = bits ? `, ${bits}-bit vectors` : "";
  const details = [driver, nvidia].filter(Boolean).join("; ");
  return `- adapter: ${name}${vectors}${details && ` (${details})`}; ${family} kernels in ${precision}`;
}

/**
 * Seconds per step and memory. GFLOP/s are those of direct convolutions in the median step, and so is the share of
 * their floor.
 */
export function stepTable(measurements: readonly KeptMeasurement[], machine: Machine): string {
  const head = [
    "network",
    "size",
    "s/step, mean",
    "median",
    "on the device: least",
    "median",
    "of it optimiser",
    "GFLOP/s",
    "floor / it",
    "device memory",
    "process memory",
  ];
  const rows = measurements.map((m) => [
    networkOf(m),
    m.size,
    seconds(m.wall?.mean),
    seconds(m.wall?.median),
    seconds(m.deviceStep?.min),
    seconds(m.deviceStep?.median),
    seconds(m.deviceOptimizer?.median),
    m.wall ? gflops(m, m.wall.median) : "-",
    floorShare(m, machine),
    megabytes(m.peakDevice),
    megabytes(m.peakProcess),
  ]);
  const { optimizer, history } = measurements[0]!;
  const name = optimizer === "lbfgs" ? `L-BFGS, ${history} pairs` : "Adam";
  const restored = measurements
    .filter((m) => m.restored > 0)
    .map((m) => `${m.restored} with ${networkOf(m)} at ${m.size} px`);
  const note = restored.length > 0 ? `\n\nSteps that the guard threw away: ${restored.join(", ")}.` : "";
  return `## Steps (${name})\n\n${table(head, rows)}${note}`;
}

/** Of the median step; "-" for adapters whose peaks are not known, processors among them. */
function floorShare(measurement: KeptMeasurement, { nvidia }: Machine): string {
  const { adapter, size, optimizer, history, wall } = measurement;
  // an empty name would match nothing: cards are named by Dawn or by the kernel module
  const peaks =
    adapter.family === "gpu" ? peaksOf([adapter.device, adapter.name, nvidia].join(" ")) : undefined;
  if (!peaks || !wall) return "-";
  const work = stepWork(networkOf(measurement), size, optimizer === "lbfgs" ? history : 0);
  return `${((100 * floorMs(peaks, work)) / wall.median).toFixed(0)} %`;
}

const gflops = (of: { readonly network?: NetworkName; readonly size: number }, ms: number) =>
  (stepOperations(networkOf(of), of.size) / 1e6 / ms).toFixed(1);

/** Seconds until the first step is done, part by part. */
export function startTable(measurements: readonly KeptMeasurement[]): string {
  const head = [
    ...["network", "size", "shader cache"],
    ...["device", "weights", "targets", "kernels", "first step", "total"],
  ];
  const rows = measurements.map((measurement) => {
    const { size, startUp } = measurement;
    const { cache, device, weights, targets, kernels, firstStep, total } = startUp;
    return [
      networkOf(measurement),
      size,
      cache,
      ...[device, weights, targets, kernels, firstStep, total].map(seconds),
    ];
  });
  return `## Start until the first step is done, seconds\n\n${table(head, rows)}`;
}

/** Of one measurement; empty where it has no profile. */
export function profileTables(measurement: KeptMeasurement): string[] {
  if (!measurement.profile) return [];
  const { total, kernels, layers } = measurement.profile;
  const list = (title: string, entries: readonly ProfileEntry[]) => {
    const listed = entries.slice(0, LISTED);
    const rows = listed.map(({ name, count, ms }) => [
      name,
      count,
      ms.toFixed(2),
      `${((100 * ms) / total).toFixed(1)} %`,
    ]);
    const left = entries.length - listed.length;
    return `${table([title, "times", "ms", "share"], rows)}${left > 0 ? `\n\nand ${left} smaller ones` : ""}`;
  };
  const what = `${networkOf(measurement)} at ${measurement.size} px`;
  const title = `## Loss and gradient, ${what}: ${total.toFixed(1)} ms, each dispatch in a pass of its own`;
  return [title, list("kernel", kernels), list("layer", layers)];
}

/** Seconds per evaluation of the peers, and how many times as long our whole step takes. */
export function peerTable(measurements: readonly KeptMeasurement[], peers: readonly PeerResult[]): string {
  const head = [
    "network",
    "size",
    "engine",
    "s, least",
    "median",
    "GFLOP/s",
    "device memory",
    "process memory",
    "same loss and gradient",
    "ours / it",
  ];
  const rows: Cell[][] = [];
  const problems: string[] = [];
  for (const ours of measurements) {
    const network = networkOf(ours);
    for (const peer of peers.filter((one) => isSameTask(one, ours))) {
      const { size, engine } = peer;
      if ("problem" in peer) {
        problems.push(`- ${engine} with ${network} at ${size} px: ${peer.problem}`);
        continue;
      }
      const { wall, peakProcess, peakDevice } = peer;
      const ratio = ours.wall ? (ours.wall.median / wall.median).toFixed(2) : "-";
      const speed = [seconds(wall.min), seconds(wall.median), gflops(peer, wall.median)];
      const memory = [peakDevice === undefined ? "-" : megabytes(peakDevice), megabytes(peakProcess)];
      rows.push([network, size, engine, ...speed, ...memory, agreement(ours, peer), ratio]);
    }
  }
  const title =
    "## Peers: loss and gradient, no optimiser\n\nThe last column is our whole step, optimiser " +
    "included, over their median.";
  return [title, table(head, rows), ...(problems.length > 0 ? [problems.join("\n")] : [])].join("\n\n");
}

/** Whether a peer was measured at the size and with the network of `ours`. */
export const isSameTask = (peer: PeerResult, ours: KeptMeasurement): boolean =>
  peer.size === ours.size && networkOf(peer) === networkOf(ours);

const agreement = (ours: KeptMeasurement, peer: PeerMeasurement) =>
  `${agrees(ours, peer) ? "yes" : "NO"} (${toleranceFor(ours, peer)})`;

const toleranceFor = ({ adapter }: KeptMeasurement, { tolerance = F32_TOLERANCE }: PeerMeasurement) =>
  Math.max(tolerance, ownTolerance[adapter.precision]);

/**
 * Whether a peer found the engine's loss and gradient to its tolerance, or to the engine's own where that is larger.
 */
export function agrees(ours: KeptMeasurement, peer: PeerResult): boolean {
  if ("problem" in peer) return false;
  const tolerance = toleranceFor(ours, peer);
  const close = (a: number, b: number) => Math.abs(a / b - 1) <= tolerance;
  return close(peer.loss, ours.loss) && close(peer.gradientNorm, ours.gradientNorm);
}

/** Bits of the vectors that llvmpipe computes in; undefined for other adapters. */
export function vectorBits({ device }: AdapterReport): number | undefined {
  const bits = /(\d+)-bits/.exec(device)?.[1];
  return bits === undefined ? undefined : Number(bits);
}
