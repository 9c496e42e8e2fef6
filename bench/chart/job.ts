/** The loss over the seconds since the call: PyTorch, the engine's default schedule, and its best. */
import type { JobReport, JobRun, JobsReport } from "../job/report.ts";
import { isDefault } from "../job/schedules.ts";
import { bestRun, pytorchReached, scheduleText } from "../job/tables.ts";
import { digits } from "../tables.ts";
import { networkOf } from "../task.ts";
import { whereOf } from "./steps.ts";
import { type Axis, document, dot, line, linearAxis, logAxis, MARGIN, path, text } from "./svg.ts";

const WIDTH = 860;
const PLOT_LEFT = 90;
const PLOT_RIGHT = WIDTH - 40;
const HEAD = 112;
/** From a job's heading to the bottom of its plot; names of curves stand between the heading and the plot. */
const PLOT = 360;
const NAME = 20;
/** Below a plot: its axis, and the heading of the next. */
const BELOW = 84;

type Point = readonly [seconds: number, loss: number];

interface Curve {
  readonly name: string;
  readonly role: "ours" | "best" | "other";
  /** Whole pictures at smaller scales, enlarged: few points. */
  readonly early: readonly Point[];
  readonly points: readonly Point[];
  /** Where it met the target. */
  readonly end: Point | undefined;
}

export function jobChart({ jobs, machine, date }: Pick<JobsReport, "jobs" | "machine" | "date">): string {
  const adapter = jobs[0]?.runs[0]?.adapter;
  if (!adapter) throw new Error("Expected a job to draw but received none.");
  const title = "Loss over time, until PyTorch's loss is reached";
  const plots = jobs.flatMap((job, i) => drawJob(job, HEAD + i * (PLOT + BELOW)));
  const height = HEAD + jobs.length * (PLOT + BELOW);
  return document(WIDTH, height, { title, notes: whereOf(machine, adapter, date) }, plots);
}

function drawJob(job: JobReport, top: number): string[] {
  const { target } = job;
  const curves = curvesOf(job);
  const all = curves.flatMap(({ early, points }) => [...early, ...points]);
  const [plotTop, bottom] = [top + 24 + NAME * curves.length, top + PLOT];
  const x = linearAxis(Math.max(...all.map(([seconds]) => seconds)), PLOT_LEFT, PLOT_RIGHT);
  const y = logAxis([target, ...all.map(([, loss]) => loss)], bottom, plotTop);
  return [
    text(MARGIN, top + 6, `${networkOf(job)}, ${job.width} x ${job.height} pixels`, "heading"),
    ...y.ticks.flatMap((tick) => [
      line(PLOT_LEFT, y.at(tick), PLOT_RIGHT, y.at(tick), "grid"),
      text(PLOT_LEFT - 10, y.at(tick) + 4, `${tick}`, "tick", "end"),
    ]),
    ...x.ticks.map((tick) => text(x.at(tick), bottom + 20, `${tick} s`, "tick", "middle")),
    line(PLOT_LEFT, y.at(target), PLOT_RIGHT, y.at(target), "target"),
    ...curves.flatMap((curve) => drawCurve(curve, x, y)),
    ...curves.map(({ name, role }, i) => text(PLOT_LEFT, top + 10 + NAME * (i + 1), name, role)),
    text(
      (PLOT_LEFT + PLOT_RIGHT) / 2,
      bottom + 42,
      "seconds since the call; dashed: smaller scales, enlarged",
      "note",
      "middle",
    ),
  ];
}

function drawCurve({ role, early, points, end }: Curve, x: Axis, y: Axis): string[] {
  const place = ([seconds, loss]: Point) => [x.at(seconds), y.at(loss)] as const;
  const joined = points[0] ? [...early, points[0]] : early;
  return [
    ...(early.length > 0 ? [path(joined.map(place), `${role} early`)] : []),
    ...early.map((point) => dot(...place(point), 3, role)),
    ...(points.length > 0 ? [path(points.map(place), role)] : []),
    ...(end ? [dot(...place(end), 5, role)] : []),
  ];
}

export function curvesOf({ size, pytorch, runs, target }: JobReport): Curve[] {
  const theirs = pytorch.flatMap((run): Curve[] => {
    if ("problem" in run) return [];
    const reached = pytorchReached(run, target);
    const points = run.losses.flatMap((loss, i): Point[] => (loss === null ? [] : [[run.seconds[i]!, loss]]));
    const end = reached && ([reached.seconds, run.losses[reached.steps]!] as const);
    return [{ name: named(run.engine, end), role: "other", early: [], points, end }];
  });
  const best = bestRun(runs);
  const usual = runs.find(({ schedule }) => isDefault(schedule, size));
  const ours = [usual, best === usual ? undefined : best].flatMap((run) =>
    run ? [ourCurve(run, run === usual)] : [],
  );
  return [...theirs, ...ours];
}

function ourCurve(run: JobRun, isUsual: boolean): Curve {
  const { scales, trace, reached, seconds, loss } = run;
  // where a run was stopped early, its last scale is no full one
  const early = scales.slice(0, trace.length > 0 ? -1 : undefined);
  const end = reached ? ([seconds, loss] as const) : undefined;
  return {
    name: named(`stylize, ${isUsual ? "default" : "best"} schedule (${scheduleText(run)})`, end),
    role: isUsual ? "ours" : "best",
    early: early.map((scale) => [scale.seconds, scale.fullLoss] as const),
    points: [...trace.map((point) => [point.seconds, point.loss] as const), ...(end ? [end] : [])],
    end,
  };
}

const named = (name: string, end: Point | undefined) =>
  `${name}: ${end ? `${digits(end[0])} s` : "not reached"}`;
