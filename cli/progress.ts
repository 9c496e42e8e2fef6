/** What runs, downloads and requests tell the people (or programs) that wait for them. */

import { basename } from "node:path";
import type { JobView, UploadProgress } from "../client/index.ts";
import { megabytes } from "../common/megabytes.ts";
import type { RunMemory, ScaleMemory } from "../engine/dry-run.ts";
import type { Precision } from "../engine/gpu/precision.ts";
import type { Iterate } from "../engine/iterate.ts";
import type { Size } from "../engine/picture.ts";
import type { ScalePlan } from "../engine/pyramid.ts";
import { TimeLeft } from "../engine/time-left.ts";
import type { DownloadProgress } from "../weights/download/pull.ts";
import type { StylizeArguments } from "./arguments.ts";
import { type Audience, clock, type Io, jsonLine, type Output, pace, rows, telling } from "./io.ts";

/** What is known before the first step. */
export interface RunStart {
  readonly adapter: string;
  /** Family of kernels. */
  readonly family: string;
  readonly precision: Precision;
  readonly network: string;
  readonly scales: readonly ScalePlan[];
  readonly output: string;
}

/** A picture that was written. */
export interface Saved extends Size {
  readonly path: string;
  /** Steps done, of how many in the whole run. */
  readonly step: number;
  readonly steps: number;
  /** Whether more steps will follow, all are done, or the run was stopped or failed before. */
  readonly state: "running" | "done" | "stopped" | "failed";
  /** Since the run began. */
  readonly seconds: number;
}

export type Reporter = ReturnType<typeof createReporter>;

/** For machines each step; for people on a terminal ten in a second, elsewhere one. */
export function createReporter(audience: Audience, io: Io) {
  const { tell, note, show, end } = telling(audience, io);
  const isTerminal = Boolean(io.stderr.isTTY);
  const isDue = pace(isTerminal ? 100 : 1000);
  let timeLeft: TimeLeft | undefined;
  return {
    start(plan: RunStart): void {
      timeLeft = new TimeLeft(plan.scales);
      tell("start", plan, ...introduction(plan));
    },
    step(iterate: Iterate): void {
      const { totalStep, totalSteps } = iterate;
      const secondsLeft = timeLeft?.after(iterate);
      tell("step", { ...iterate, secondsLeft });
      if (isDue(isTerminal && totalStep === totalSteps))
        show(totalStep / totalSteps, describeStep(iterate, secondsLeft ?? 0));
    },
    saved(saved: Saved): void {
      if (saved.state !== "running") end();
      tell("saved", saved, describeSaved(saved));
    },
    note,
    end,
  };
}

function introduction({ adapter, family, precision, network, scales }: RunStart): string[] {
  const sizes = scales.map(({ width, height, steps }) => `${width}x${height} (${steps} steps)`);
  return [
    `Adapter: ${adapter}, ${family} kernels in ${precision}.`,
    `Network: ${network}.`,
    `Scales: ${sizes.join(", ")}.`,
    "Preparing; the first run on an adapter takes longest, as its shaders are compiled.",
  ];
}

function describeStep(iterate: Iterate, secondsLeft: number): string {
  const { step, steps, scale, scales, width, height, loss, restored } = iterate;
  const guard = restored ? ", step thrown away" : "";
  return (
    `Step ${step}/${steps} at ${width}x${height} (scale ${scale + 1}/${scales}), loss ` +
    `${loss.toPrecision(4)}${guard}, ${clock(secondsLeft)} left`
  );
}

function describeSaved({ path, width, height, step, steps, state, seconds }: Saved): string {
  const after = `after ${step} of ${steps} steps`;
  const size = `${width}x${height}`;
  switch (state) {
    case "running":
      return `Wrote '${path}' (${size}) ${after}.`;
    case "done":
      return `Wrote '${path}' (${size}) after ${steps} steps in ${clock(seconds)}.`;
    case "stopped":
      return `Stopped ${after}: wrote the present picture to '${path}' (${size}).`;
    case "failed":
      return `Failed ${after}: wrote the last good picture to '${path}' (${size}).`;
    default:
      return state satisfies never;
  }
}

/**
 * What `--dry-run` tells: what would be done, and how much device memory that takes. `content`: the picture in the
 * file.
 */
export function tellPlan(
  plan: Omit<RunStart, "scales"> & RunMemory,
  args: StylizeArguments,
  { width, height }: Size,
  out: Output,
): void {
  const content = { width, height };
  const last = plan.scales.at(-1)!;
  const bytesPerPixel = plan.peakBytes / (last.width * last.height);
  if (args.report === "json") out.write(jsonLine({ event: "plan", ...plan, content, bytesPerPixel }));
  if (args.report !== "people") return;
  out.write(
    rows("Dry run: nothing was computed or written.", [
      ["adapter", `${plan.adapter}, ${plan.family} kernels in ${plan.precision}`],
      ["network", plan.network],
      ["content", `${basename(args.content)}, ${pixels(content)}`],
      ...last.styles.map(
        (size, i) => ["style", `${basename(args.styles[i]!)}, looked at as ${pixels(size)}`] as const,
      ),
      ["result", `${args.output}, ${pixels(last)}`],
    ]),
  );
  out.write("Device memory in MB\n");
  out.write(row("scale", "steps", "weights", "maps", "optimizer", "copies", "at most"));
  for (const scale of plan.scales) out.write(describeScale(scale));
  const isLoading = plan.scales.every(({ peakBytes }) => peakBytes < plan.peakBytes);
  const when = isLoading ? " while the network is loaded" : "";
  out.write(`At most ${megabytes(plan.peakBytes)}${when}, ${bytesPerPixel.toFixed(0)} MB a megapixel.\n`);
}

function describeScale(scale: ScaleMemory): string {
  const { weightsBytes, mapsBytes, optimizerBytes, copiesBytes, peakBytes } = scale;
  const parts = [weightsBytes, mapsBytes, optimizerBytes, copiesBytes, peakBytes];
  return row(pixels(scale), String(scale.steps), ...parts.map((bytes) => (bytes / 1e6).toFixed(1)));
}

const pixels = ({ width, height }: Size): string => `${width}x${height}`;

const row = (scale: string, ...columns: readonly string[]): string =>
  `  ${scale.padEnd(11)}${columns.map((column) => column.padStart(10)).join("")}\n`;

export function createDownloadReporter(audience: Audience, io: Io) {
  const { tell, note, show, end } = telling(audience, io);
  const isDue = pace(audience === "json" ? 1000 : io.stderr.isTTY ? 100 : 5000);
  const rateOf = speedometer();
  return {
    progress(progress: DownloadProgress): void {
      const { received, total } = progress;
      const rate = rateOf(received, performance.now() / 1000);
      if (!isDue(received >= total)) return;
      tell("progress", progress);
      const left = rate > 0 ? `, ${clock((total - received) / rate)} left` : "";
      show(received / total, `${megabytes(received)} of ${megabytes(total)}, ${megabytes(rate)}/s${left}`);
    },
    tell,
    note,
    end,
  };
}

/** Bytes a second over the last few seconds; what was there before the first report does not count. */
function speedometer(): (received: number, seconds: number) => number {
  const reports: { readonly received: number; readonly at: number }[] = [];
  return (received, at) => {
    reports.push({ received, at });
    while (reports.length > 2 && at - reports[0]!.at > 5) reports.shift();
    const first = reports[0]!;
    return at > first.at ? (received - first.received) / (at - first.at) : 0;
  };
}

/** The picture that came back from a service. */
export interface Received extends Size {
  readonly path: string;
  /** Since the request began. */
  readonly seconds: number;
}

export type RequestReporter = ReturnType<typeof createRequestReporter>;

/** Where there is no terminal, people have a line for each stage, and at most one a second within it. */
export function createRequestReporter(audience: Audience, io: Io) {
  const { tell, note, show, end } = telling(audience, io);
  const { isTTY } = io.stderr;
  const isDue = pace(1000);
  let last: string | undefined;
  return {
    upload(progress: UploadProgress): void {
      tell("upload", progress);
      if (isTTY) show(progress.sent / progress.total, "Sending");
    },
    job(job: JobView): void {
      tell("job", job);
      const text = describeJob(job);
      if (text === undefined) return;
      const [stage] = text.split(/\W/, 1);
      if (isTTY || isDue(stage !== last)) show((job.step ?? 0) / (job.total ?? 1), text);
      last = stage;
    },
    saved(received: Received): void {
      const { path, width, height, seconds } = received;
      end();
      tell("saved", received, `Wrote '${path}' (${width}x${height}) in ${clock(seconds)}.`);
    },
    note,
    end,
  };
}

/** Undefined for an end, which is told otherwise. */
function describeJob({ status, position, step, total, loss, etaMs }: JobView): string | undefined {
  const left = etaMs === undefined ? "" : `, ${clock(etaMs / 1000)} left`;
  if (status === "queued") {
    const place = position ? `, ${position} before it` : "";
    return `Queued${place}${etaMs === undefined ? "" : `, about ${clock(etaMs / 1000)} left`}`;
  }
  if (status === "starting" || (status === "running" && step === undefined)) return `Warming up${left}`;
  if (status !== "running") return undefined;
  return `Step ${step}/${total}${loss === undefined ? "" : `, loss ${loss.toPrecision(4)}`}${left}`;
}
