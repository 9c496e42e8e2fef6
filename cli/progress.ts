/** What a run tells the people (or programs) that wait for it. */

import { basename } from "node:path";
import type { RunMemory, ScaleMemory } from "../engine/dry-run.ts";
import type { Precision } from "../engine/gpu/precision.ts";
import type { Iterate } from "../engine/iterate.ts";
import type { Size } from "../engine/picture.ts";
import type { ScalePlan } from "../engine/pyramid.ts";
import { TimeLeft } from "../engine/time-left.ts";
import type { StylizeArguments } from "./arguments.ts";
import { type Audience, clock, eventWriter, type Io, jsonLine, type Output, rows, StatusLine } from "./io.ts";

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
export interface Saved {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  /** Steps done, of how many in the whole run. */
  readonly step: number;
  readonly steps: number;
  /** Whether more steps will follow, all are done, or the run was stopped or failed before. */
  readonly state: "running" | "done" | "stopped" | "failed";
  /** Since the run began. */
  readonly seconds: number;
}

export interface Reporter {
  start(plan: RunStart): void;
  step(iterate: Iterate): void;
  saved(saved: Saved): void;
  /** Anything else worth a sentence. */
  note(sentence: string): void;
  /** The last call, after an error too: leaves a terminal on a line of its own. */
  end(): void;
}

export function createReporter(kind: Audience, io: Io): Reporter {
  if (kind === "json") return jsonReporter(io.stdout);
  if (kind === "quiet") return quietReporter;
  return io.stderr.isTTY ? barReporter(io.stderr) : lineReporter(io.stderr);
}

const quietReporter: Reporter = { start() {}, step() {}, saved() {}, note() {}, end() {} };

/** One object a line: `event` is "start", "step", "saved" or "note"; the rest is the record as it is. */
function jsonReporter(out: Output): Reporter {
  let timeLeft: TimeLeft | undefined;
  const write = eventWriter(out);
  return {
    start(plan) {
      timeLeft = new TimeLeft(plan.scales);
      write("start", plan);
    },
    step(iterate) {
      write("step", { ...iterate, secondsLeft: timeLeft?.after(iterate) });
    },
    saved: (saved) => write("saved", saved),
    note: (sentence) => write("note", { text: sentence }),
    end() {},
  };
}

/** At most one line of progress a second. */
function lineReporter(out: Output): Reporter {
  let timeLeft: TimeLeft | undefined;
  let last = Number.NEGATIVE_INFINITY;
  const line = (text: string) => out.write(`${text}\n`);
  return {
    start(plan) {
      timeLeft = new TimeLeft(plan.scales);
      for (const text of introduction(plan)) line(text);
    },
    step(iterate) {
      const seconds = timeLeft?.after(iterate) ?? 0;
      const now = performance.now();
      if (now - last < 1000) return;
      last = now;
      line(describeStep(iterate, seconds));
    },
    saved: (saved) => line(describeSaved(saved)),
    note: line,
    end() {},
  };
}

/** One line of progress, drawn over and over. */
function barReporter(out: Output): Reporter {
  let timeLeft: TimeLeft | undefined;
  let last = Number.NEGATIVE_INFINITY;
  const bar = new StatusLine(out);
  return {
    start(plan) {
      timeLeft = new TimeLeft(plan.scales);
      for (const text of introduction(plan)) bar.line(text);
    },
    step(iterate) {
      const seconds = timeLeft?.after(iterate) ?? 0;
      const now = performance.now();
      if (now - last < 100 && iterate.totalStep < iterate.totalSteps) return;
      last = now;
      bar.draw(iterate.totalStep / iterate.totalSteps, describeStep(iterate, seconds));
    },
    saved(saved) {
      if (saved.state !== "running") bar.end();
      bar.line(describeSaved(saved));
    },
    note: (sentence) => bar.line(sentence),
    end: () => bar.end(),
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
  out.write(`At most ${megabytes(plan.peakBytes)} MB${when}, ${bytesPerPixel.toFixed(0)} MB a megapixel.\n`);
}

function describeScale(scale: ScaleMemory): string {
  const { weightsBytes, mapsBytes, optimizerBytes, copiesBytes, peakBytes } = scale;
  const parts = [weightsBytes, mapsBytes, optimizerBytes, copiesBytes, peakBytes];
  return row(pixels(scale), String(scale.steps), ...parts.map(megabytes));
}

const pixels = ({ width, height }: Size): string => `${width}x${height}`;

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

const row = (scale: string, ...columns: readonly string[]): string =>
  `  ${scale.padEnd(11)}${columns.map((column) => column.padStart(10)).join("")}\n`;
