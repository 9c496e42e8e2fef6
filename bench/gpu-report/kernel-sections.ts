/** Markdown of what was found out about kernels. */
import type { Precision } from "../../engine/gpu/precision.ts";
import { sum } from "../report.ts";
import { table, tableOf } from "../tables.ts";
import {
  type OperationTest,
  operationKinds,
  type Peak,
  type SelfTest,
  type Suite,
  type Trial,
  type TunedProblem,
  type Tuning,
} from "./report.ts";
import { folded, gigaflops, inline, milliseconds, percent, type Telling } from "./text.ts";

export function selfTestText(tests: readonly SelfTest[]): string {
  return tests
    .map(({ precision, verdict, firstMs, secondMs, methods, problem }) => {
      if (!verdict) return `**${precision}**: ${inline(problem ?? "")}`;
      const found = verdict.wrong.length > 0 ? `wrong are ${verdict.wrong.join(", ")}` : "nothing is wrong";
      const title =
        `**${precision}**: ${found}; matrix units chosen: ${verdict.matrix ?? "none"}. It took ` +
        `${milliseconds(firstMs)} ms with kernels to compile, ${milliseconds(secondMs)} ms without.`;
      return `${title}\n\n${trialTable(methods)}`;
    })
    .join("\n\n");
}

const trialTable = (trials: readonly Trial[]) =>
  tableOf(trials, [
    ["one variant of each method", ({ variant }) => variant],
    ["verdict", ({ verdict }) => verdict],
    ["compiled in", ({ compileMs }) => milliseconds(compileMs)],
    ["ms", ({ ms }) => milliseconds(ms)],
    ["", ({ message }) => inline(message ?? "")],
  ]);

export function operationsText(tests: readonly OperationTest[]): string {
  const precisions = [...new Set(tests.map(({ precision }) => precision))];
  const variants = [...new Set(tests.map(({ variant }) => variant))];
  const columns = precisions.flatMap((precision) => operationKinds.map((kind) => ({ precision, kind })));
  const cell = (variant: string, { precision, kind }: (typeof columns)[number]) => {
    const same = tests.filter((t) => t.variant === variant && t.precision === precision && t.kind === kind);
    if (same.length === 0) return "";
    const bad = same.find(({ verdict }) => verdict !== "right");
    const error = Math.max(...same.map((test) => test.error ?? 0));
    return bad
      ? `**${bad.verdict}**${bad.error === undefined ? "" : ` (${bad.error.toExponential(0)})`}`
      : error.toExponential(0);
  };
  const text = table(
    ["largest error over largest value", ...columns.map(({ precision, kind }) => `${precision} ${kind}`)],
    variants.map((variant) => [variant, ...columns.map((column) => cell(variant, column))]),
  );
  const bad = tests.filter(({ verdict }) => verdict !== "right");
  const list = bad.map(
    ({ kind, precision, variant, shape, verdict, error, message }) =>
      `- ${variant}, ${kind} in ${precision}, ${shape}: ${verdict}` +
      `${error === undefined ? "" : `, error ${error.toExponential(1)}`}${message ? `: ${inline(message)}` : ""}`,
  );
  const shapes = [...new Set(tests.map(({ shape }) => shape))].join("; ");
  return [
    `${tests.length - bad.length} of ${tests.length} are right (f32 to 1e-4, f16 to 5e-3 of the largest value).`,
    text,
    ...(list.length > 0 ? [list.slice(0, 30).join("\n")] : []),
    ...(list.length > 30 ? [`and ${list.length - 30} more, in the JSON`] : []),
    `Shapes: ${shapes}.`,
  ].join("\n\n");
}

export function suiteText({ passed, failed, skipped, failures }: Suite): string {
  const list = failures
    .slice(0, 30)
    .map(({ test, message }) => `- ${inline(test)}: ${inline(message).slice(0, 200)}`);
  return [
    `\`vitest\` on operations, losses, optimisers and whole networks, with the kernels for GPUs: ${passed} passed, ` +
      `${failed} failed, ${skipped} skipped (those with the kernels for llvmpipe among them).`,
    ...(list.length > 0 ? [list.join("\n")] : []),
    ...(failures.length > 30 ? [`and ${failures.length - 30} more, in the JSON`] : []),
  ].join("\n\n");
}

export const peaksText = (peaks: readonly Peak[]): string =>
  tableOf(peaks, [
    ["", ({ what }) => what],
    [
      "",
      ({ value, unit, problem }) =>
        value === undefined ? inline(problem ?? "") : `${milliseconds(value)} ${unit}`,
    ],
  ]);

/** The quickest of those that are right. */
export function bestTrial({ trials }: TunedProblem): Trial | undefined {
  const right = trials.filter(({ verdict, ms }) => verdict === "right" && ms !== undefined);
  return right.toSorted((a, b) => a.ms! - b.ms!)[0];
}

/** How much of the best variant's speed another has. */
export function shareOf(problem: TunedProblem, variant: string | undefined): number | undefined {
  const best = bestTrial(problem)?.ms;
  const ms = problem.trials.find((trial) => trial.variant === variant)?.ms;
  return best === undefined || ms === undefined ? undefined : best / ms;
}

/** What was chosen for a key within a run's budget, in the first run that reached it. */
export function chosenFor({ runs }: Tuning, key: string, isGenerous: boolean): string | undefined {
  const most = Math.max(...runs.map(({ budgetMs }) => budgetMs));
  const asked = runs.filter(({ budgetMs }) => (budgetMs === most) === isGenerous);
  return asked.flatMap(({ found }) => found).find((tuned) => tuned.key === key)?.variant;
}

export function tuningText(tuning: Tuning, { detail }: Telling): string {
  const precisions: readonly Precision[] = ["f16", "f32"];
  return [
    "Every variant on random maps of 2^n pixels. Shares are of the speed of the best variant that is right.",
    ...(tuning.runs.length > 0 ? [runsTable(tuning)] : []),
    ...precisions.flatMap((precision) => problemTables(tuning, precision, detail === 2)),
  ].join("\n\n");
}

const runsTable = ({ runs }: Tuning) =>
  tableOf(runs, [
    ["tuning, in the order of its runs", ({ what, precision }) => `${what}, ${precision}`],
    ["budget, ms", ({ budgetMs }) => budgetMs],
    ["took", ({ ms }) => milliseconds(ms)],
    ["shapes reached", ({ found, problems }) => `${found.length} of ${problems}`],
    [
      "other than default",
      ({ found }) => found.filter(({ ms, defaultMs }) => ms < (defaultMs ?? Infinity)).length,
    ],
    ["sum of defaults", ({ found }) => milliseconds(sum(found.map(({ defaultMs, ms }) => defaultMs ?? ms)))],
    ["of choices", ({ found }) => milliseconds(sum(found.map(({ ms }) => ms)))],
    ["", ({ problem }) => inline(problem ?? "")],
  ]);

function problemTables(tuning: Tuning, precision: Precision, isLong: boolean): string[] {
  const problems = tuning.problems.filter(({ problem }) => problem.precision === precision);
  if (problems.length === 0) return [];
  const name = (key: string) => key.replace(` ${precision}`, "");
  const text = tableOf(problems, [
    [`shape, ${precision}`, ({ key }) => name(key)],
    ["best variant", (problem) => bestTrial(problem)?.variant ?? "none is right"],
    ["ms", (problem) => milliseconds(bestTrial(problem)?.ms)],
    ["GFLOP/s", (problem) => gigaflops(problem.operations, bestTrial(problem)?.ms)],
    ["default", ({ usual }) => usual],
    ["its share", (problem) => percent(shareOf(problem, problem.usual))],
    ["chosen in a run's budget", ({ key }) => chosenFor(tuning, key, false) ?? "-"],
    ["share", (problem) => percent(shareOf(problem, chosenFor(tuning, problem.key, false)))],
    ["with more time", (problem) => percent(shareOf(problem, chosenFor(tuning, problem.key, true)))],
  ]);
  if (!isLong) return [text];
  const variants = [...new Set(problems.flatMap(({ trials }) => trials.map(({ variant }) => variant)))];
  const all = table(
    [`shape, ${precision}`, ...variants],
    problems.map((problem) => [name(problem.key), ...variants.map((variant) => trialCell(problem, variant))]),
  );
  return [text, folded(`all variants in ${precision}: per cent of the best one's speed`, all)];
}

/** Blank where the variant can't compute the shape. */
function trialCell(problem: TunedProblem, variant: string): string {
  const trial = problem.trials.find((one) => one.variant === variant);
  if (!trial) return "";
  if (trial.verdict !== "right") return `**${trial.verdict}**`;
  return (100 * (shareOf(problem, variant) ?? 0)).toFixed(0);
}
