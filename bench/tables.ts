/** Markdown of what was measured. */

import { megabytes } from "../common/megabytes.ts";
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

/** A table with a row for each of `items`; a column is its heading and what stands below. */
export function tableOf<T>(
  items: readonly T[],
  columns: readonly (readonly [head: string, cell: (item: T) => Cell])[],
): string {
  const rows = items.map((item) => columns.map(([, cell]) => cell(item)));
  return table(
    columns.map(([head]) => head),
    rows,
  );
}

const seconds = (ms: number | undefined) => (ms === undefined ? "-" : digits(ms / 1e3));
export const digits = (value: number) => (value >= 10 ? value.toFixed(1) : value.toPrecision(3));

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
  const text = tableOf(measurements, [
    ["network", networkOf],
    ["size", (m) => m.size],
    ["s/step, mean", (m) => seconds(m.wall?.mean)],
    ["median", (m) => seconds(m.wall?.median)],
    ["on the device: least", (m) => seconds(m.deviceStep?.min)],
    ["median", (m) => seconds(m.deviceStep?.median)],
    ["of it optimiser", (m) => seconds(m.deviceOptimizer?.median)],
    ["GFLOP/s", (m) => (m.wall ? gflops(m, m.wall.median) : "-")],
    ["floor / it", (m) => floorShare(m, machine)],
    ["device memory", (m) => megabytes(m.peakDevice)],
    ["process memory", (m) => megabytes(m.peakProcess)],
  ]);
  const { optimizer, history } = measurements[0]!;
  const name = optimizer === "lbfgs" ? `L-BFGS, ${history} pairs` : "Adam";
  const restored = measurements
    .filter((m) => m.restored > 0)
    .map((m) => `${m.restored} with ${networkOf(m)} at ${m.size} px`);
  const note = restored.length > 0 ? `\n\nSteps that the guard threw away: ${restored.join(", ")}.` : "";
  return `## Steps (${name})\n\n${text}${note}`;
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
  const text = tableOf(measurements, [
    ["network", networkOf],
    ["size", (m) => m.size],
    ["shader cache", (m) => m.startUp.cache],
    ["device", (m) => seconds(m.startUp.device)],
    ["weights", (m) => seconds(m.startUp.weights)],
    ["targets", (m) => seconds(m.startUp.targets)],
    ["kernels", (m) => seconds(m.startUp.kernels)],
    ["first step", (m) => seconds(m.startUp.firstStep)],
    ["total", (m) => seconds(m.startUp.total)],
  ]);
  return `## Start until the first step is done, seconds\n\n${text}`;
}

/** Of one measurement; empty where it has no profile. */
export function profileTables(measurement: KeptMeasurement): string[] {
  if (!measurement.profile) return [];
  const { total, kernels, layers } = measurement.profile;
  const list = (title: string, entries: readonly ProfileEntry[]) => {
    const left = entries.length - LISTED;
    const text = tableOf(entries.slice(0, LISTED), [
      [title, ({ name }) => name],
      ["times", ({ count }) => count],
      ["ms", ({ ms }) => ms.toFixed(2)],
      ["share", ({ ms }) => `${((100 * ms) / total).toFixed(1)} %`],
    ]);
    return `${text}${left > 0 ? `\n\nand ${left} smaller ones` : ""}`;
  };
  const what = `${networkOf(measurement)} at ${measurement.size} px`;
  const title = `## Loss and gradient, ${what}: ${total.toFixed(1)} ms, each dispatch in a pass of its own`;
  return [title, list("kernel", kernels), list("layer", layers)];
}

/** Seconds per evaluation of the peers, and how many times as long our whole step takes. */
export function peerTable(measurements: readonly KeptMeasurement[], peers: readonly PeerResult[]): string {
  const pairs = measurements.flatMap((ours) =>
    peers.filter((peer) => isSameTask(peer, ours)).map((peer) => ({ ours, peer })),
  );
  const measured = pairs.flatMap(({ ours, peer }) => ("problem" in peer ? [] : [{ ours, peer }]));
  const problems = pairs.flatMap(({ ours, peer }) =>
    "problem" in peer ? [`- ${peer.engine} with ${networkOf(ours)} at ${peer.size} px: ${peer.problem}`] : [],
  );
  const text = tableOf(measured, [
    ["network", ({ ours }) => networkOf(ours)],
    ["size", ({ peer }) => peer.size],
    ["engine", ({ peer }) => peer.engine],
    ["s, least", ({ peer }) => seconds(peer.wall.min)],
    ["median", ({ peer }) => seconds(peer.wall.median)],
    ["GFLOP/s", ({ peer }) => gflops(peer, peer.wall.median)],
    ["device memory", ({ peer }) => (peer.peakDevice === undefined ? "-" : megabytes(peer.peakDevice))],
    ["process memory", ({ peer }) => megabytes(peer.peakProcess)],
    ["same loss and gradient", ({ ours, peer }) => agreement(ours, peer)],
    ["ours / it", ({ ours, peer }) => (ours.wall ? (ours.wall.median / peer.wall.median).toFixed(2) : "-")],
  ]);
  const title =
    "## Peers: loss and gradient, no optimiser\n\nThe last column is our whole step, optimiser " +
    "included, over their median.";
  return [title, text, ...(problems.length > 0 ? [problems.join("\n")] : [])].join("\n\n");
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
