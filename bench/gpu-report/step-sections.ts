/** Markdown of steps, starts, a whole job, and other engines. */

import { megabytes } from "../../common/megabytes.ts";
import type { Precision } from "../../engine/gpu/precision.ts";
import { reluName } from "../../engine/network/layers.ts";
import { roundUp } from "../../engine/numbers.ts";
import { MASK_CHANNELS } from "../../engine/ops/gpu/layout.ts";
import type { KeptMeasurement, PeerMeasurement, ProfileEntry } from "../report.ts";
import { spreadOf } from "../report.ts";
import { agrees, digits, tableOf } from "../tables.ts";
import { type NetworkName, terms } from "../task.ts";
import { convolutionWork, stepOperations, stepWork, type Work } from "../work.ts";
import { peakNames } from "./peak-names.ts";
import type { ColdAndWarm, JobResult, Peak, PeerRound, StepRun } from "./report.ts";
import { folded, gigaflops, inline, milliseconds, percent, type Telling } from "./text.ts";

type Measured = StepRun & { readonly measurement: KeptMeasurement };

const isMeasured = (run: StepRun): run is Measured => run.measurement !== undefined;

const msOf = ({ measurement: { wall, deviceStep } }: Measured) => deviceStep?.median ?? wall?.median;

/** The step of the largest network and size in its quickest way: a sentence. */
export function bestStep(runs: readonly StepRun[]): string | undefined {
  const measured = runs.filter(isMeasured).filter((run) => msOf(run) !== undefined);
  if (measured.length === 0) return undefined;
  const most = Math.max(...measured.map(({ network, size }) => stepOperations(network, size)));
  const [best] = measured
    .filter(({ network, size }) => stepOperations(network, size) === most)
    .toSorted((a, b) => msOf(a)! - msOf(b)!);
  const { network, size, precision, isTuned } = best!;
  const way = isTuned ? "tuned" : "with defaults";
  const ms = msOf(best!);
  const speed = `${milliseconds(ms)} ms, ${gigaflops(most, ms)} GFLOP/s`;
  return `a step of ${network} at ${size} px in ${precision}, ${way}: ${speed}`;
}

/** As measured on this adapter, in operations and bytes a millisecond. */
interface MeasuredPeaks {
  readonly products: number | undefined;
  readonly memory: number | undefined;
}

/** Matrix units are the peak of runs in f16 where they are. */
export function peaksIn(peaks: readonly Peak[] = [], precision: Precision): MeasuredPeaks {
  const most = (isMeant: (what: string) => boolean) => {
    const values = peaks.flatMap(({ what, value }) => (value !== undefined && isMeant(what) ? [value] : []));
    return values.length > 0 ? 1e6 * Math.max(...values) : undefined;
  };
  const isMatrix = (what: string) => precision === "f16" && what.startsWith(peakNames.matrix);
  return {
    products: most((what) => what === peakNames.products[precision] || isMatrix(what)),
    memory: most((what) => what === peakNames.memory),
  };
}

/** The larger of both shares: what holds the work back. */
function shareOfPeak({ operations, bytes }: Work, ms: number, { products, memory }: MeasuredPeaks) {
  const shares = [products && operations / ms / products, memory && bytes / ms / memory];
  const known = shares.filter((share) => share !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}

/** Maps, weights and L-BFGS's pairs take half the bytes in f16. */
const stored = ({ operations, bytes }: Work, precision: Precision): Work => ({
  operations,
  bytes: precision === "f16" ? bytes / 2 : bytes,
});

export function stepsText(runs: readonly StepRun[], { report, detail }: Telling): string {
  const measured = runs.filter(isMeasured);
  const peaks = (precision: Precision) => peaksIn(report.parts.peaks?.result, precision);
  const text = tableOf(measured, [
    ["network", ({ network }) => network],
    ["px", ({ size }) => size],
    ["", ({ precision, isTuned }) => (isTuned ? `${precision} tuned` : precision)],
    ["a step, median", ({ measurement }) => milliseconds(measurement.wall?.median)],
    ["on the device", ({ measurement }) => milliseconds(measurement.deviceStep?.median)],
    ["of it optimiser", ({ measurement }) => milliseconds(measurement.deviceOptimizer?.median)],
    ["GFLOP/s", (run) => gigaflops(stepOperations(run.network, run.size), msOf(run))],
    [
      "of peak",
      (run) => {
        const { network, size, precision, measurement } = run;
        const history = measurement.optimizer === "lbfgs" ? measurement.history : 0;
        const work = stored(stepWork(network, size, history), precision);
        return percent(msOf(run) && shareOfPeak(work, msOf(run)!, peaks(precision)));
      },
    ],
    ["device memory", ({ measurement }) => megabytes(measurement.peakDevice)],
    ["process memory", ({ measurement }) => megabytes(measurement.peakProcess)],
    ["loss", ({ measurement }) => measurement.loss.toPrecision(6)],
    ["undone", ({ measurement }) => measurement.restored],
  ]);
  const failed = runs.flatMap(({ network, size, precision, isTuned, problem }) =>
    problem === undefined
      ? []
      : [`- ${network} at ${size} px, ${precision}${isTuned ? ", tuned" : ""}: ${inline(problem)}`],
  );
  const profiles = detail === 0 ? [] : measured.flatMap((run) => profileText(run, peaks(run.precision)));
  return [
    'A step is loss, gradient and update. "Of peak" is the larger of operations (of direct convolutions) over the ' +
      "peak of products and bytes over that of copies, both as measured above; Winograd, which needs fewer products, " +
      "may pass it.",
    ...(measured.length > 0 ? [text] : []),
    ...(failed.length > 0 ? [failed.join("\n")] : []),
    ...profiles,
  ].join("\n\n");
}

/** Parts of a profile that are listed. */
const LISTED = 14;

function profileText({ network, size, precision, measurement }: Measured, peaks: MeasuredPeaks): string[] {
  const { profile } = measurement;
  if (!profile) return [];
  const works = worksOf(network, size, precision, measurement.adapter.family);
  const share = ({ name, ms }: ProfileEntry) => {
    const work = works.get(name);
    return percent(work && shareOfPeak(work, ms, peaks));
  };
  const left = profile.layers.length - LISTED;
  const text = tableOf(profile.layers.slice(0, LISTED), [
    ["operation", ({ name }) => name],
    ["dispatches", ({ count }) => count],
    ["ms", ({ ms }) => milliseconds(ms)],
    ["of all", ({ ms }) => percent(ms / profile.total)],
    ["GFLOP", ({ name }) => (works.has(name) ? digits(works.get(name)!.operations / 1e9) : "-")],
    ["MB", ({ name }) => (works.has(name) ? digits(works.get(name)!.bytes / 1e6) : "-")],
    ["GFLOP/s", ({ name, ms }) => (works.has(name) ? gigaflops(works.get(name)!.operations, ms) : "-")],
    ["of peak", share],
  ]);
  const total = `${milliseconds(profile.total)} ms of loss and gradient`;
  const title = `profile: ${network} at ${size} px in ${precision}, ${total}`;
  return [folded(title, `${text}${left > 0 ? `\n\nand ${left} smaller ones` : ""}`)];
}

/** Operations and bytes by the names that the engine's programs give their dispatches. */
function worksOf(
  network: NetworkName,
  size: number,
  precision: Precision,
  family: string,
): Map<string, Work> {
  const layers = convolutionWork(network, size);
  const found = new Map<string, Work>();
  const add = (name: string, { operations, bytes }: Work) => {
    const before = found.get(name) ?? { operations: 0, bytes: 0 };
    const all = { operations: before.operations + operations, bytes: before.bytes + bytes };
    found.set(name, all);
  };
  for (const { name, forward, backward } of layers) {
    add(`${name} forward`, stored(forward, precision));
    add(`${name} backward`, stored(backward, precision));
  }
  for (const term of terms) {
    if (term.kind !== "style") continue;
    const { outChannels, side } = layers.find(({ name }) => reluName(name) === term.layer)!;
    const channels = family === "gpu" ? roundUp(outChannels, MASK_CHANNELS) : outChannels;
    const values = channels * side ** 2;
    // by symmetry half of F F^T, which reads F; (G - A) F, which reads F and writes on the gradient
    add(`gram ${channels}`, stored({ operations: channels * values, bytes: 4 * values }, precision));
    add(`style ${channels}`, stored({ operations: 2 * channels * values, bytes: 12 * values }, precision));
  }
  return found;
}

export function startsText(starts: readonly ColdAndWarm[]): string {
  const rows = starts.flatMap(({ network, size, cold, warm }) => [
    ...(cold ? [{ network, size, cache: "empty", start: cold.startUp }] : []),
    ...(warm ? [{ network, size, cache: "filled", start: warm.startUp }] : []),
  ]);
  const seconds = (ms: number) => digits(ms / 1e3);
  const text = tableOf(rows, [
    ["network", ({ network }) => network],
    ["px", ({ size }) => size],
    ["cache of shaders", ({ cache }) => cache],
    ["device", ({ start }) => seconds(start.device)],
    ["weights", ({ start }) => seconds(start.weights)],
    ["targets", ({ start }) => seconds(start.targets)],
    ["kernels", ({ start }) => seconds(start.kernels)],
    ["first step", ({ start }) => seconds(start.firstStep)],
    ["total", ({ start }) => seconds(start.total)],
  ]);
  const failed = starts.flatMap(({ network, size, problem }) =>
    problem === undefined ? [] : [`- ${network} at ${size} px: ${inline(problem)}`],
  );
  const note =
    "Only Mesa's and NVIDIA's caches on Linux can be emptied: elsewhere both rows may have a filled one.";
  return [note, ...(rows.length > 0 ? [text] : []), ...(failed.length > 0 ? [failed.join("\n")] : [])].join(
    "\n\n",
  );
}

export function jobText({
  network,
  size,
  adapter,
  firstStep,
  seconds,
  scales,
  loss,
  peakDevice,
}: JobResult): string {
  const text = tableOf(scales, [
    ["scale", ({ width, height }) => `${width}x${height}`],
    ["steps", ({ steps }) => steps],
    ["done after, s", ({ seconds }) => digits(seconds)],
  ]);
  return (
    `examples/astronaut.jpg in the manner of auvers.jpg, ${network} at ${size} px in ${adapter.precision}, as the ` +
    `engine runs by itself: first step after ${digits(firstStep)} s, picture after ${digits(seconds)} s, loss ` +
    `${loss.toPrecision(4)}, device memory ${megabytes(peakDevice)}.\n\n${text}`
  );
}

export function peersText(rounds: readonly PeerRound[]): string {
  const networks = [...new Set(rounds.map(({ network }) => network))];
  const texts = networks.map((network) => {
    const same = rounds.filter((round) => round.network === network);
    const size = same[0]!.size;
    const engines = [...new Set(same.flatMap(({ peers }) => peers.map(({ engine }) => engine)))];
    const rows = engines.flatMap((engine) => {
      const turns = same.flatMap(({ ours, peers }) => {
        const peer = peers.find((one) => one.engine === engine);
        return peer && ours && !("problem" in peer) ? [{ ours, peer }] : [];
      });
      return turns.length > 0 ? [{ engine, turns }] : [];
    });
    const median = (values: readonly number[]) => spreadOf(values)!.median;
    const ratio = ({ ours, peer }: { ours: KeptMeasurement; peer: PeerMeasurement }) =>
      (ours.wall?.median ?? Number.NaN) / peer.wall.median;
    const text = tableOf(rows, [
      [`${network} at ${size} px`, ({ engine }) => engine],
      [
        "its loss and gradient",
        ({ turns }) => milliseconds(median(turns.map(({ peer }) => peer.wall.median))),
      ],
      [
        "our step",
        ({ turns }) => milliseconds(median(turns.map(({ ours }) => ours.wall?.median ?? Number.NaN))),
      ],
      ["ours / it, median", ({ turns }) => median(turns.map(ratio)).toFixed(2)],
      ["each round", ({ turns }) => turns.map((turn) => ratio(turn).toFixed(2)).join(" ")],
      [
        "same result",
        ({ turns }) => (turns.every(({ ours, peer }) => agrees(ours, peer)) ? "yes" : "**NO**"),
      ],
    ]);
    const absent = engines.filter((engine) => !rows.some((row) => row.engine === engine));
    const reasons = absent.map((engine) => {
      const found = same
        .flatMap(({ peers }) => peers)
        .find((one) => one.engine === engine && "problem" in one);
      return `- ${engine}: ${inline(found && "problem" in found ? found.problem : "")}`;
    });
    const failed = same.flatMap(({ problem }) =>
      problem === undefined ? [] : [`- a round failed: ${inline(problem)}`],
    );
    const lists = [
      ...failed,
      ...(reasons.length > 0 ? ["- not present or failed:", ...reasons.map((r) => `  ${r}`)] : []),
    ];
    return [
      ...(rows.length > 0 ? [text] : [`${network} at ${size} px: no other engine ran.`]),
      lists.join("\n"),
    ].join("\n\n");
  });
  return ["Our step has the optimiser, theirs is loss and gradient alone.", ...texts].join("\n\n");
}
