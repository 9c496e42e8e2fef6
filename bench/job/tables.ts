/** Markdown of a job. */

import { megabytes } from "../../common/megabytes.ts";
import { digits, tableOf } from "../tables.ts";
import { type NetworkName, networkOf } from "../task.ts";
import type { JobReport, JobRun, PyTorchRun } from "./report.ts";
import { contentName, styleName } from "./run.ts";
import { isDefault } from "./schedules.ts";

/** Both must find the same loss of the same picture to this. */
export const AGREEMENT = 1e-3;

export interface Reached {
  /** Steps at the full size until the target was met, and seconds since the call and since the first step began. */
  readonly steps: number;
  readonly seconds: number;
  readonly running: number;
}

/** When PyTorch met `target`; undefined if it never did. */
export function pytorchReached({ losses, seconds, ready }: PyTorchRun, target: number): Reached | undefined {
  const at = losses.findIndex((loss) => loss !== null && loss <= target);
  return at < 0 ? undefined : { steps: at, seconds: seconds[at]!, running: seconds[at]! - ready };
}

/** When the engine had its result; undefined if it gave up. */
export function reachedBy(run: JobRun): Reached | undefined {
  const { reached, seconds, firstStep, trace } = run;
  return reached ? { steps: trace.length - 1, seconds, running: seconds - firstStep } : undefined;
}

/** The run that had its result first, counted from the call. */
export function bestRun(runs: readonly JobRun[]): JobRun | undefined {
  return runs.filter(({ reached }) => reached).sort((a, b) => a.seconds - b.seconds)[0];
}

/** What of the job is wrong: losses that differ; empty if nothing is. */
export function disagreements({ agreement }: JobReport): string[] {
  return agreement
    .filter(({ ours, pytorch }) => !(Math.abs(ours / pytorch - 1) <= AGREEMENT))
    .map(({ picture, ours, pytorch }) => `${picture}: ours is ${ours} and PyTorch's ${pytorch}`);
}

/** What the network of a job is. */
const weightsOf: Readonly<Record<NetworkName, string>> = {
  vgg19: "generated network",
  compact: "weights that ship",
  "compact-small": "weights that ship",
};

export function jobText(job: JobReport): string {
  const { size, width, height, steps, target, agreement, runs } = job;
  const network = networkOf(job);
  const best = bestRun(runs);
  const pictures = `${contentName} in the manner of ${styleName}`;
  const found = agreement.map(
    ({ picture, ours, pytorch }) => `${picture} ${ours.toPrecision(6)} and ${pytorch.toPrecision(6)}`,
  );
  const wrong = disagreements(job).map((text) => `\n\nThe losses DISAGREE: ${text}.`);
  return [
    `## ${network}: seconds to a loss of ${target.toPrecision(5)} at ${width}x${height}`,
    `${pictures}, ${weightsOf[network]}; the target is the least loss of ${steps} steps of ` +
      `torch.optim.LBFGS at ${size} px. ` +
      `Losses at the full size, ours and PyTorch's: ${found.join("; ")}.${wrong.join("")}`,
    jobTable(job, best),
    ...(best ? [`The best schedule, scale by scale:\n\n${scalesTable(best)}`] : []),
  ].join("\n\n");
}

function jobTable({ size, steps, target, pytorch, runs }: JobReport, best: JobRun | undefined): string {
  const theirs = pytorch.flatMap((run) => {
    if ("problem" in run) return [];
    const reached = pytorchReached(run, target);
    return [{ ...run, scales: `${size}`, reached, otherwise: "not reached" }];
  });
  const ours = runs.map((run) => {
    const marks = [isDefault(run.schedule, size) && "default", run === best && "best"].filter(Boolean);
    return {
      engine: `stylize${marks.length > 0 ? ` (${marks.join(", ")})` : ""}`,
      scales: scheduleText(run),
      reached: reachedBy(run),
      otherwise: isGivenUp(run, steps) ? `given up after ${digits(run.seconds)} s` : "not reached",
      peakProcess: run.peakProcess,
    };
  });
  const reference = theirs.find(({ engine }) => engine === pytorch[0]?.engine)?.reached;
  const text = tableOf(
    [...theirs, ...ours],
    [
      ["engine", ({ engine }) => engine],
      ["scales", ({ scales }) => scales],
      ["steps at the last", ({ reached, otherwise }) => reached?.steps ?? otherwise],
      ["s from the call", ({ reached }) => (reached ? digits(reached.seconds) : "-")],
      ["from the first step", ({ reached }) => (reached ? digits(reached.running) : "-")],
      ["PyTorch's / its", ({ reached }) => (reached && reference ? ratio(reached, reference) : "-")],
      ["process memory", ({ peakProcess }) => megabytes(peakProcess)],
    ],
  );
  const failures = pytorch.flatMap((run) => ("problem" in run ? [`- ${run.engine}: ${run.problem}`] : []));
  return [text, ...failures].join("\n\n");
}

const ratio = (reached: Reached, reference: Reached) =>
  `${(reference.seconds / reached.seconds).toFixed(2)}x`;

const isGivenUp = ({ reached, trace }: JobRun, steps: number) => !reached && trace.length < steps;

/** "181 x 60, 256 x 60, 512": long sides and steps. */
export function scheduleText({ scales, schedule, trace }: JobRun): string {
  // it was given up before it came to its last scale
  if (trace.length === 0) return `${schedule.minSize} x ${schedule.scaleSteps}, ...`;
  const parts = scales.map(({ width, height, steps }, i) => {
    const side = `${Math.max(width, height)}`;
    return i === scales.length - 1 ? side : `${side} x ${steps}`;
  });
  return parts.join(", ");
}

function scalesTable({ scales }: JobRun): string {
  return tableOf(scales, [
    ["size", ({ width, height }) => `${width}x${height}`],
    ["steps", ({ steps }) => steps],
    ["s from the call", ({ seconds }) => digits(seconds)],
    ["loss at the full size", ({ fullLoss }) => fullLoss.toPrecision(5)],
  ]);
}
