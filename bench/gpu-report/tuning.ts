/** All variants of the convolutions of networks, timed, and what the engine's own tuning makes of the same. */
import type { GpuContext } from "../../engine/gpu/context.ts";
import { precisionOn } from "../../engine/gpu/precision.ts";
import { distinct, problemsOf, selfTest, type Tuned, tune } from "../../engine/ops/gpu/tune.ts";
import {
  defaultVariant,
  oneOfEach,
  type Problem,
  problemExponent,
  problemKey,
  variantsFor,
} from "../../engine/ops/gpu/variants.ts";
import { messageOf } from "../processes.ts";
import { layersOf } from "../task.ts";
import { open } from "./adapter.ts";
import type { TunedProblem, TuneRun, Tuning } from "./report.ts";
import { doUnits, type TuningRequest, type Unit } from "./requests.ts";
import { failureOf, tryVariants } from "./trial.ts";

export type TuningRow =
  | { readonly verdict: Tuning["verdicts"] }
  | { readonly problem: TunedProblem }
  | { readonly run: TuneRun }
  | { readonly lost: string }
  | { readonly late: string };

export async function tuneAll(request: TuningRequest): Promise<void> {
  const { precision, generousMs } = request;
  const began = performance.now();
  using context = await open(request);
  precisionOn(context, precision); // throws where there is none
  const verdict = await selfTest(context, precision);
  context.verdicts = new Map([[precision, verdict]]);
  const cases = casesOf(request);
  const problems = distinct(cases.flatMap((one) => one.problems)).slice(0, request.mostProblems);
  const users = (key: string) =>
    cases
      .filter((one) => one.problems.some((problem) => problemKey(problem) === key))
      .map(({ what }) => what);
  // Tuning goes first, as in a run: with kernels that nobody compiled yet.
  const units: Unit<TuningRow>[] = [
    { label: "self-test", run: async () => ({ verdict: { [precision]: verdict } }) },
    ...cases.map((one) => runUnit(context, one.what, request, one.problems.slice(0, request.mostProblems))),
    ...problems.map((problem) => {
      const unit = problemUnit(context, problem, users(problemKey(problem)), request.oneOfEach);
      const isLate = () => performance.now() - began > request.mostMs;
      return { ...unit, run: async () => (isLate() ? { late: unit.label } : unit.run()) };
    }),
    runUnit(context, "all of these", { precision, usualMs: generousMs }, problems),
  ];
  await doUnits(units, request.skip);
}

interface Case {
  readonly what: string;
  readonly problems: readonly Problem[];
}

const casesOf = ({ networks, sizes, precision }: TuningRequest): Case[] =>
  networks.flatMap((network) =>
    sizes.map((size) => ({
      what: `${network} at ${size} px`,
      problems: distinct(problemsOf(layersOf(network), { height: size, width: size }, precision)),
    })),
  );

function runUnit(
  context: GpuContext,
  what: string,
  { precision, usualMs: budgetMs }: Pick<TuningRequest, "precision" | "usualMs">,
  problems: readonly Problem[],
): Unit<TuningRow> {
  const asked = { what, precision, budgetMs, problems: problems.length };
  const run = async (): Promise<TuningRow> => {
    const found: Tuned[] = [];
    const began = performance.now();
    try {
      await tune(context, problems, { budgetMs, onTuned: (tuned) => found.push(tuned) });
      return { run: { ...asked, ms: performance.now() - began, found } };
    } catch (error) {
      failureOf(error); // throws a lost device
      return { run: { ...asked, found, problem: messageOf(error) } };
    }
  };
  return { label: `tuning ${what} for ${budgetMs} ms`, run };
}

function problemUnit(
  context: GpuContext,
  problem: Problem,
  users: readonly string[],
  only: boolean,
): Unit<TuningRow> {
  const key = problemKey(problem);
  const run = async (): Promise<TuningRow> => {
    const all = variantsFor(problem, context);
    const { side, inChannels, outChannels } = problem;
    const trials = await tryVariants(context, problem, only ? oneOfEach(all) : all);
    const operations = 2 * side ** 2 * inChannels * outChannels * 2 ** problemExponent(problem);
    const usual = defaultVariant(problem, context).name;
    return { problem: { key, problem, operations, users, usual, trials } };
  };
  return { label: key, run };
}
