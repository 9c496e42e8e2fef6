/** The records of what somebody with a GPU sends. Times in ms, memory in bytes, unless they say otherwise. */
import type { Verdict } from "../../engine/gpu/context.ts";
import type { MatrixConfig } from "../../engine/gpu/matrix-units.ts";
import type { Precision } from "../../engine/gpu/precision.ts";
import type { Tuned } from "../../engine/ops/gpu/tune.ts";
import type { Problem } from "../../engine/ops/gpu/variants.ts";
import type { JobRun } from "../job/report.ts";
import type { Machine } from "../machine.ts";
import type { KeptMeasurement, PeerResult } from "../report.ts";
import type { NetworkName } from "../task.ts";

/** What each part finds. */
export interface Results {
  readonly machine: MachineDetails;
  readonly selfTest: readonly SelfTest[];
  readonly operations: readonly OperationTest[];
  readonly suite: Suite;
  readonly peaks: readonly Peak[];
  readonly tuning: Tuning;
  readonly steps: readonly StepRun[];
  readonly starts: readonly ColdAndWarm[];
  readonly job: JobResult;
  readonly peers: readonly PeerRound[];
}

export type PartName = keyof Results;

/** What became of a part: a result, which is only half of one where there is a problem, too. */
export interface PartRecord<Name extends PartName = PartName> {
  readonly result?: Results[Name];
  /** Why there is none, or no more of it: one sentence. */
  readonly problem?: string;
  /** There was more to come when this was written. */
  readonly isUnfinished?: boolean;
  /** Left out by the plan, as `problem` says. */
  readonly isLeftOut?: boolean;
  readonly seconds: number;
}

export type PartRecords = { readonly [Name in PartName]?: PartRecord<Name> };

export interface GpuReport {
  readonly kind: "gpu-report";
  readonly date: string;
  readonly isQuick: boolean;
  readonly parts: PartRecords;
}

export interface MachineDetails {
  readonly version: string;
  readonly machine: Machine;
  /** As the system calls itself: "Debian GNU/Linux 12 (bookworm)". */
  readonly system: string;
  readonly adapter: AdapterDetails;
}

export interface AdapterDetails {
  readonly name: string;
  readonly isSoftware: boolean;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** Its driver, as Dawn has it. */
  readonly description: string;
  /** Dawn's: "Vulkan", "Metal", "D3D12"; undefined where Dawn does not tell. */
  readonly backend: string | undefined;
  /** What family of kernels it gets. */
  readonly family: string;
  readonly subgroupMinSize: number | undefined;
  readonly subgroupMaxSize: number | undefined;
  /** Of the adapter, and which of them the engine's device has. */
  readonly features: readonly string[];
  readonly usedFeatures: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** All that Dawn lists, and those that the engine has kernels for. */
  readonly listedMatrixConfigs: readonly Readonly<Record<string, unknown>>[];
  readonly matrixConfigs: readonly MatrixConfig[];
  /** Names of all adapters of the machine, with their backends. */
  readonly all: readonly string[];
}

/** One variant on one problem. */
export interface Trial {
  readonly variant: string;
  readonly method: string;
  readonly verdict: TrialVerdict;
  readonly message?: string;
  /** Until its kernels were ready; those that others compiled before, or beside it, cost nothing. */
  readonly compileMs?: number;
  /** Of a run, by the device's clock where it has one. */
  readonly ms?: number;
}

export type TrialVerdict = "right" | "wrong" | "does not compile" | "no memory" | "failed";

export interface SelfTest {
  readonly precision: Precision;
  readonly verdict?: Verdict;
  /** Its first run, kernels compiled; and its second. */
  readonly firstMs?: number;
  readonly secondMs?: number;
  /** One variant of each method on the same problem. */
  readonly methods: readonly Trial[];
  readonly problem?: string;
}

export const operationKinds = ["forward", "backward", "style"] as const;
export type OperationKind = (typeof operationKinds)[number];

/** A variant on a map of odd size, held against double precision. */
export interface OperationTest {
  readonly kind: OperationKind;
  readonly precision: Precision;
  readonly variant: string;
  /** "64 to 128 channels of 13x21". */
  readonly shape: string;
  readonly verdict: TrialVerdict;
  /** The largest of all values, over the largest value that there should be. */
  readonly error?: number;
  readonly message?: string;
}

/** The project's own tests of operations, run by vitest. */
export interface Suite {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly { readonly test: string; readonly message: string }[];
}

/** What an adapter reaches with nothing else to do. */
export interface Peak {
  readonly what: string;
  readonly value?: number;
  readonly unit: "GFLOP/s" | "GB/s" | "ms";
  readonly problem?: string;
}

export interface Tuning {
  readonly verdicts: Readonly<Partial<Record<Precision, Verdict>>>;
  readonly problems: readonly TunedProblem[];
  readonly runs: readonly TuneRun[];
}

/** All variants on one problem. */
export interface TunedProblem {
  readonly key: string;
  readonly problem: Problem;
  /** Operations of the maps that it was timed with. */
  readonly operations: number;
  /** "compact at 256 px": whose convolutions it is. */
  readonly users: readonly string[];
  readonly usual: string;
  readonly trials: readonly Trial[];
}

/** What `tune` finds in a given time. */
export interface TuneRun {
  readonly what: string;
  readonly precision: Precision;
  readonly budgetMs: number;
  readonly problems: number;
  /** It took, and that many problems were reached. */
  readonly ms?: number;
  readonly found: readonly Tuned[];
  readonly problem?: string;
}

export interface StepRun {
  readonly network: NetworkName;
  readonly size: number;
  readonly precision: Precision;
  /** With what self-test and tuning found, or with defaults. */
  readonly isTuned: boolean;
  readonly measurement?: KeptMeasurement;
  readonly problem?: string;
}

export interface ColdAndWarm {
  readonly network: NetworkName;
  readonly size: number;
  readonly cold?: KeptMeasurement;
  readonly warm?: KeptMeasurement;
  readonly problem?: string;
}

/** Without what it lost on its way. */
export type JobResult = Omit<JobRun, "trace"> & { readonly network: NetworkName; readonly size: number };

/** Our step and each peer's evaluation, one after the other. */
export interface PeerRound {
  readonly network: NetworkName;
  readonly size: number;
  readonly ours?: KeptMeasurement;
  readonly peers: readonly PeerResult[];
  readonly problem?: string;
}
