/** What was measured beside the engine's own constants, so that they can be judged. */
import { MOST_MS, USUAL_OPERATIONS } from "../../engine/gpu/submission.ts";
import { spreadOf, sum } from "../report.ts";
import { digits, table, tableOf } from "../tables.ts";
import { bestTrial, chosenFor, shareOf } from "./kernel-sections.ts";
import type { GpuReport, TunedProblem, Tuning } from "./report.ts";
import { milliseconds, percent } from "./text.ts";

export function constantsText({ parts }: GpuReport): string {
  const tuning = parts.tuning?.result;
  const rows = [
    ...(parts.selfTest?.result ?? []).map(({ precision, firstMs, secondMs }) => [
      `self-test of some 50 ms, ${precision}`,
      `${milliseconds(firstMs)} ms with kernels to compile, ${milliseconds(secondMs)} ms without`,
    ]),
    ...(tuning ? tuningRows(tuning) : []),
    ...(tuning ? dispatchRows(tuning) : []),
  ];
  if (rows.length === 0) return "";
  const tables = tuning ? [groupTable(tuning.problems), variantTable(tuning.problems)] : [];
  return [
    "## The engine's constants beside this",
    table(["constant", "here"], rows),
    ...tables.filter((text) => text !== ""),
  ].join("\n\n");
}

/** How much of the time of all shapes, each once, tuning saves within its budget. */
function tuningRows(tuning: Tuning): string[][] {
  return (["f16", "f32"] as const).flatMap((precision) => {
    const problems = tuning.problems.filter(
      ({ problem, trials }) => problem.precision === precision && trials.length > 0,
    );
    const timeOf = (of: (problem: TunedProblem) => string | undefined) =>
      sum(problems.map((problem) => msOf(problem, of(problem)) ?? msOf(problem, problem.usual) ?? 0));
    if (problems.length === 0) return [];
    const usual = timeOf(({ usual }) => usual);
    const inBudget = timeOf(({ key }) => chosenFor(tuning, key, false));
    const best = timeOf((problem) => bestTrial(problem)?.variant);
    return [
      [
        `tuning of 3 s, ${precision}: all shapes once`,
        `defaults ${milliseconds(usual)} ms, chosen in a run's budget ${milliseconds(inBudget)} ms, ` +
          `best ${milliseconds(best)} ms`,
      ],
    ];
  });
}

const msOf = ({ trials }: TunedProblem, variant: string | undefined): number | undefined =>
  trials.find((trial) => trial.variant === variant && trial.verdict === "right")?.ms;

/** What dispatches and command buffers of the limits take with the slowest and the middle default. */
function dispatchRows({ problems }: Tuning): string[][] {
  const rates = problems.flatMap((problem) => {
    const ms = msOf(problem, problem.usual);
    return ms === undefined ? [] : [problem.operations / ms]; // operations a millisecond
  });
  const spread = spreadOf(rates);
  if (!spread) return [];
  const at = (rate: number) => milliseconds(USUAL_OPERATIONS / rate);
  const giga = (operations: number) => digits(operations / 1e9);
  return [
    [
      `dispatches of ${giga(USUAL_OPERATIONS)} GFLOP at most`,
      `${at(spread.min)} ms with the slowest default, ${at(spread.median)} ms with the middle one`,
    ],
    [
      `command buffers of ${MOST_MS} ms at most`,
      `${giga(MOST_MS * spread.min)} to ${giga(MOST_MS * Math.max(...rates))} GFLOP`,
    ],
  ];
}

/** Workgroups of the default where it is a plain product; 128 are taken for enough. */
function groupTable(problems: readonly TunedProblem[]): string {
  const bounds = [64, 128, 256, 512, 1024, Infinity];
  const rows = bounds.flatMap((bound, i) => {
    const from = bounds[i - 1] ?? 0;
    const inside = problems.filter((problem) => {
      const groups = groupsOf(problem);
      return groups !== undefined && groups >= from && groups < bound;
    });
    const shares = inside.flatMap((problem) => shareOf(problem, problem.usual) ?? []);
    const spread = spreadOf(shares);
    return spread
      ? [
          [
            `${from} to ${bound === Infinity ? "more" : bound - 1}`,
            shares.length,
            percent(spread.median),
            percent(spread.min),
          ],
        ]
      : [];
  });
  if (rows.length === 0) return "";
  return table(
    ["workgroups of the default (128 are enough)", "shapes", "share of the best, median", "least"],
    rows,
  );
}

/** By the tile in a variant's name, channels x pixels. */
function groupsOf({ usual, problem }: TunedProblem): number | undefined {
  const [, channels, pixels] = /-(\d+)x(\d+)(?:-\d+x\d+)?$/.exec(usual) ?? [];
  if (!channels || !pixels) return undefined;
  return Math.ceil(problem.outChannels / Number(channels)) * Math.ceil(problem.pixels / Number(pixels));
}

/** How often each variant is the best, and how far from it elsewhere. */
function variantTable(problems: readonly TunedProblem[]): string {
  const variants = [...new Set(problems.flatMap(({ trials }) => trials.map(({ variant }) => variant)))];
  const rows = variants.flatMap((variant) => {
    const shares = problems.flatMap((problem) => shareOf(problem, variant) ?? []);
    const spread = spreadOf(shares);
    const usual = problems.filter((problem) => problem.usual === variant).length;
    const best = problems.filter((problem) => bestTrial(problem)?.variant === variant).length;
    return spread ? [{ variant, shapes: shares.length, best, usual, share: spread.median }] : [];
  });
  if (rows.length === 0) return "";
  return tableOf(
    rows.toSorted((a, b) => b.best - a.best || b.share - a.share),
    [
      ["variant", ({ variant }) => variant],
      ["shapes", ({ shapes }) => shapes],
      ["best in", ({ best }) => best],
      ["default in", ({ usual }) => usual],
      ["share of the best, median", ({ share }) => percent(share)],
    ],
  );
}
