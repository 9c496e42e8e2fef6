/** What a report measures: all of it on a GPU, a little where time is short or a processor plays the GPU. */
import type { Precision } from "../../engine/gpu/precision.ts";
import { BUDGET_MS } from "../../engine/ops/gpu/tune.ts";
import { optionTable } from "../../engine/options.ts";
import { defaultSchedule, type Schedule } from "../job/schedules.ts";
import type { BenchOptions } from "../options.ts";
import { defaultNetworks, type NetworkName, networkNames } from "../task.ts";
import type { AdapterDetails } from "./report.ts";

export interface Plan {
  readonly isQuick: boolean;
  readonly networks: readonly NetworkName[];
  readonly sizes: readonly number[];
  /** Of steps; of convolutions, whose kernels are those for GPUs on whatever adapter. */
  readonly precisions: readonly Precision[];
  readonly tunedPrecisions: readonly Precision[];
  readonly reps: number;
  /** Of each size the networks' steps in both precisions, once more tuned, with a profile. */
  readonly isTuned: boolean;
  /** Convolutions at most that are tuned, those with the most work; what `tune` gets in a run, and what to see more. */
  readonly mostProblems: number;
  readonly usualMs: number;
  readonly generousMs: number;
  /** For all variants of a precision's convolutions; the smallest are passed over then. */
  readonly mostTuningMs: number;
  /** Sizes of starts, of the whole job and of the peers; none where that part is left out. */
  readonly startSize: number | undefined;
  readonly jobSize: number;
  readonly jobSchedule: Schedule;
  readonly jobSteps: number;
  readonly peerSize: number | undefined;
  readonly peerRounds: number;
  readonly runsSuite: boolean;
}

const both = ["f16", "f32"] as const;

/** Of a report: pictures up to a megapixel. */
const usualSizes = [256, 512, 1024];

/** `adapter`: undefined where nothing could be found out about it. */
export function planOf(options: BenchOptions, adapter: AdapterDetails | undefined): Plan {
  const hasHalves = adapter === undefined || adapter.usedFeatures.includes("shader-f16");
  const tunedPrecisions = hasHalves ? both : (["f32"] as const);
  const isForGpus = (options.family ?? adapter?.family) !== "cpu";
  const isAsked = options.network !== defaultNetworks;
  if (options.quick || adapter?.isSoftware) {
    const { sizes = [64], network } = options;
    const jobSize = sizes[0]!;
    return {
      isQuick: true,
      networks: isAsked ? network : ["compact-small"],
      sizes,
      precisions: isForGpus ? tunedPrecisions : ["f32"],
      tunedPrecisions,
      reps: Math.min(options.reps, 2),
      isTuned: false,
      mostProblems: 1,
      usualMs: 1,
      generousMs: 100,
      mostTuningMs: 20 * BUDGET_MS,
      startSize: undefined,
      jobSize,
      jobSchedule: { minSize: jobSize, scaleSteps: 1 },
      jobSteps: 3,
      peerSize: undefined,
      peerRounds: 1,
      runsSuite: false,
    };
  }
  return {
    isQuick: false,
    networks: isAsked ? options.network : networkNames,
    sizes: options.sizes ?? usualSizes,
    precisions: isForGpus ? tunedPrecisions : ["f32"],
    tunedPrecisions,
    reps: options.reps,
    isTuned: true,
    mostProblems: Number.MAX_SAFE_INTEGER,
    usualMs: BUDGET_MS,
    generousMs: 20 * BUDGET_MS,
    mostTuningMs: 150 * BUDGET_MS,
    startSize: 512,
    jobSize: 512,
    jobSchedule: defaultSchedule(512),
    jobSteps: optionTable.steps.default,
    peerSize: 512,
    peerRounds: 3,
    runsSuite: true,
  };
}
