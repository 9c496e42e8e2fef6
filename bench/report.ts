/** The records that go from measurement to table and file. Times in ms, memory in bytes. */
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import type { Precision } from "../engine/gpu/precision.ts";
import { type CacheState, describeMachine, type Machine } from "./machine.ts";
import type { BenchOptions } from "./options.ts";
import type { NetworkName } from "./task.ts";

/** How the engine is run, as options say. */
export interface EngineRequest extends Pick<BenchOptions, "precision"> {
  readonly network: NetworkName;
  /** Pixels of the pictures' long side. */
  readonly size: number;
  readonly family: KernelFamilyName | undefined;
  /** The adapter's name, part of it, or its number. */
  readonly device: string | undefined;
}

/** What one child process measures: `reps` steps, 0 for the start only, with a full history. */
export interface MeasureRequest extends EngineRequest, Pick<BenchOptions, "reps" | "optimizer" | "history"> {
  readonly profile: boolean;
  /** With what self-test and tuning choose, however long that takes, instead of defaults. */
  readonly isTuned?: boolean;
}

/** From pictures and weights in memory to the end of the first step; the parts follow one another. */
export interface StartUp {
  readonly device: number;
  readonly weights: number;
  readonly targets: number;
  /** Recording, and compiling what is not compiled yet. */
  readonly kernels: number;
  readonly firstStep: number;
  readonly total: number;
  readonly cache: CacheState;
}

export interface Measurement extends Pick<MeasureRequest, "network" | "size" | "optimizer" | "history"> {
  readonly adapter: AdapterReport;
  /** What the engine set in the environment for the driver; peers on the same adapter get the same. */
  readonly environment: Readonly<Record<string, string>>;
  readonly startUp: StartUp;
  /** Of the start picture: its loss, and the length of the gradient there. */
  readonly loss: number;
  readonly gradientNorm: number;
  /**
   * A whole step, from one loss record on the host to the next. Undefined if none was timed. Their least means nothing:
   * where the loop pauses to copy the picture for safekeeping, the records of the steps submitted ahead come at once.
   */
  readonly wall: Spread | undefined;
  /** A whole step and the optimiser's part of it, by the device's clock. Undefined where it has none. */
  readonly deviceStep: Spread | undefined;
  readonly deviceOptimizer: Spread | undefined;
  /** Steps that the guard threw away while they were timed: work as any other, but worth knowing. */
  readonly restored: number;
  /** Of an evaluation of loss and gradient. */
  readonly dispatches: number;
  readonly peakDevice: number;
  readonly peakProcess: number;
  readonly profile: Profile | undefined;
}

/** Time of loss and gradient by kernel and by layer, most first. */
export interface Profile {
  readonly total: number;
  readonly kernels: readonly ProfileEntry[];
  readonly layers: readonly ProfileEntry[];
}

export interface ProfileEntry {
  readonly name: string;
  /** Dispatches, or gaps between them. */
  readonly count: number;
  readonly ms: number;
}

export interface AdapterReport {
  readonly name: string;
  /** Missing in reports of earlier versions, which had it for the name. */
  readonly driver?: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly family: KernelFamilyName;
  readonly precision: Precision;
}

/** What a record is of. */
interface Case {
  /** Missing in reports of earlier versions, which had VGG19 alone. */
  readonly network?: NetworkName;
  readonly size: number;
}

/** A peer's loss and gradient, or why there is none. */
export type PeerResult = PeerMeasurement | PeerFailure;

export interface PeerMeasurement extends Case {
  /** With its version: "onnxruntime-node 1.30.0". */
  readonly engine: string;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly wall: Spread;
  readonly peakProcess: number;
  /** Of an engine on a GPU that tells it. */
  readonly peakDevice?: number;
  /** How far its loss and gradient norm may be from the engine's, relative; files of before they had one: f32's. */
  readonly tolerance?: number;
}

export interface PeerFailure extends Case {
  readonly engine: string;
  /** One sentence. */
  readonly problem: string;
}

/** What --json writes of each kind. */
export interface ReportHead {
  readonly date: string;
  readonly machine: Machine;
  /** Without this machine's paths. */
  readonly options: Omit<BenchOptions, "json" | "chart" | "python">;
}

export function reportHead({ json, chart, python, ...options }: BenchOptions): ReportHead {
  return { date: new Date().toISOString(), machine: describeMachine(), options };
}

/** What --json writes, of seconds per step. */
export interface StepsReport extends ReportHead {
  readonly kind: "steps";
  readonly measurements: readonly KeptMeasurement[];
  readonly coldStarts: readonly KeptMeasurement[];
  readonly peers: readonly PeerResult[];
}

export type KeptMeasurement = Omit<Measurement, "environment" | "network"> & Case;

/** What --json writes, of a comparison with an earlier commit. */
export interface AgainstReport extends ReportHead {
  readonly kind: "against";
  readonly against: string;
  readonly comparisons: readonly Comparison[];
}

/** What was measured in each round, ms. */
export interface Comparison {
  /** Pixels a side; the demo has its own. */
  readonly size?: number;
  readonly what: Compared;
  /** Those of the two sides: an earlier commit may not have that of now. */
  readonly network: string;
  readonly earlierNetwork: string;
  readonly now: readonly number[];
  readonly earlier: readonly number[];
}

/**
 * A step's median; with --cold also the start with an empty shader cache, and that with what it left there. The demo
 * from its program's start to its end, from a filled and from an empty cache.
 */
export type Compared = "step" | "cold start" | "warm start" | "demo" | "cold demo";

/** Of a set of timings: the least, their mean and the middle one. */
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly median: number;
}

/** Undefined for no values. The median of an even count is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
  return { min: sorted[0]!, mean: sum(values) / values.length, median };
}

export function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** What a kind of benchmark comes back with. */
export interface Found<Report> {
  /** Markdown. */
  readonly text: string;
  /** For --json. */
  readonly report: Report;
  /** Sentences: what failed. */
  readonly failures: readonly string[];
}
