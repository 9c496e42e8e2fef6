/** Markdown of what was measured. */
import { type Machine, vectorBits } from "./machine.ts";
import type { Measurement, PeerResult, Profile, ProfileEntry } from "./report.ts";
import { stepOperations } from "./work.ts";

/** Peers must find the engine's loss and gradient to this. */
const AGREEMENT = 1e-3;

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
const digits = (value: number) => (value >= 10 ? value.toFixed(1) : value.toPrecision(3));
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;

export function machineText(machine: Machine, { adapter }: Measurement, date: string): string {
  const { processor, cores, memory, system, node, load } = machine;
  const bits = vectorBits(adapter);
  const busy = load === undefined ? "" : `, load ${load.toFixed(1)} before`;
  return [
    `- adapter: ${adapter.name}${bits ? `, ${bits}-bit vectors` : ""}; ${adapter.family} kernels`,
    `- machine: ${processor}, ${cores} cores, ${Math.round(memory / 1e9)} GB, ${system}, Node ${node}${busy}`,
    `- date: ${date}`,
  ].join("\n");
}

/** Seconds per step and memory. GFLOP/s are those of direct convolutions in the median step. */
export function stepTable(measurements: readonly Measurement[]): string {
  const head = [
    "size",
    "s/step, mean",
    "median",
    "on the device: least",
    "median",
    "of it optimiser",
    "GFLOP/s",
    "device memory",
    "process memory",
  ];
  const rows = measurements.map((m) => [
    m.size,
    seconds(m.wall?.mean),
    seconds(m.wall?.median),
    seconds(m.deviceStep?.min),
    seconds(m.deviceStep?.median),
    seconds(m.deviceOptimizer?.median),
    m.wall ? gflops(m.size, m.wall.median) : "-",
    megabytes(m.peakDevice),
    megabytes(m.peakProcess),
  ]);
  const { optimizer, history } = measurements[0]!;
  const name = optimizer === "lbfgs" ? `L-BFGS, ${history} pairs` : "Adam";
  const restored = measurements.filter((m) => m.restored > 0).map((m) => `${m.restored} at ${m.size} px`);
  const note = restored.length > 0 ? `\n\nSteps that the guard threw away: ${restored.join(", ")}.` : "";
  return `## Steps (${name})\n\n${table(head, rows)}${note}`;
}

const gflops = (size: number, ms: number) => (stepOperations(size) / 1e6 / ms).toFixed(1);

/** Seconds until the first step is done, part by part. */
export function startTable(measurements: readonly Measurement[]): string {
  const head = ["size", "shader cache", "device", "weights", "targets", "kernels", "first step", "total"];
  const rows = measurements.map(({ size, startUp }) => {
    const { cache, device, weights, targets, kernels, firstStep, total } = startUp;
    return [size, cache, ...[device, weights, targets, kernels, firstStep, total].map(seconds)];
  });
  return `## Start until the first step is done, seconds\n\n${table(head, rows)}`;
}

export function profileTables(size: number, { total, kernels, layers }: Profile): string {
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
  const title = `## Loss and gradient at ${size} px: ${total.toFixed(1)} ms, each dispatch in a pass of its own`;
  return [title, list("kernel", kernels), list("layer", layers)].join("\n\n");
}

/** Seconds per evaluation of the peers, and how many times as long our whole step takes. */
export function peerTable(measurements: readonly Measurement[], peers: readonly PeerResult[]): string {
  const head = [
    "size",
    "engine",
    "s, least",
    "median",
    "GFLOP/s",
    "process memory",
    "same loss and gradient",
    "ours / it",
  ];
  const rows: Cell[][] = [];
  const problems: string[] = [];
  for (const ours of measurements) {
    for (const peer of peers.filter(({ size }) => size === ours.size)) {
      const { size, engine } = peer;
      if ("problem" in peer) {
        problems.push(`- ${engine} at ${size} px: ${peer.problem}`);
        continue;
      }
      const { wall, peakProcess } = peer;
      const ratio = ours.wall ? (ours.wall.median / wall.median).toFixed(2) : "-";
      const speed = [seconds(wall.min), seconds(wall.median), gflops(size, wall.median)];
      rows.push([size, engine, ...speed, megabytes(peakProcess), agrees(ours, peer) ? "yes" : "NO", ratio]);
    }
  }
  const title =
    "## Peers: loss and gradient, no optimiser\n\nThe last column is our whole step, optimiser included, over their median.";
  return [title, table(head, rows), ...(problems.length > 0 ? [problems.join("\n")] : [])].join("\n\n");
}

export function agrees(ours: Measurement, peer: PeerResult): boolean {
  if ("problem" in peer) return false;
  const close = (a: number, b: number) => Math.abs(a / b - 1) <= AGREEMENT;
  return close(peer.loss, ours.loss) && close(peer.gradientNorm, ours.gradientNorm);
}
