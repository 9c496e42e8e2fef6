/** The records of a job. Times in seconds, memory in bytes. */
import type { AdapterReport, EngineRequest, ReportHead } from "../report.ts";
import type { NetworkName } from "../task.ts";
import type { Schedule } from "./schedules.ts";

/** What a child process is asked for. */
export type JobRequest = RunRequest | EvaluateRequest;

export interface RunRequest extends EngineRequest {
  readonly kind: "run";
  readonly schedule: Schedule;
  /** At the last scale at most. */
  readonly steps: number;
  /** The loss to reach; the run ends there. */
  readonly target: number;
  /** The run ends after so many, too. */
  readonly seconds: number;
  /** Where the result goes: f32 [3][height][width]. */
  readonly file: string;
}

/** In f32, whatever `precision` says. */
export interface EvaluateRequest extends EngineRequest {
  readonly kind: "evaluate";
  /** Pictures of the full size, f32 [3][height][width]. */
  readonly files: readonly string[];
}

export interface Evaluation {
  readonly adapter: AdapterReport;
  /** At the full size: of the start picture, then of each file. */
  readonly losses: readonly number[];
}

/** A scale of a run, when its last step was done. */
export interface ScaleDone {
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  /** Since the call. */
  readonly seconds: number;
  /** Of its best picture, enlarged, by the objective at the full size. */
  readonly fullLoss: number;
}

export interface JobRun {
  readonly schedule: Schedule;
  readonly adapter: AdapterReport;
  /** Whether a picture with the target's loss was found. */
  readonly reached: boolean;
  /**
   * From the call, with pictures and weights in memory and no device yet, to the first step's beginning, and to the
   * result.
   */
  readonly firstStep: number;
  readonly seconds: number;
  readonly scales: readonly ScaleDone[];
  /** The result's, evaluated anew. */
  readonly loss: number;
  /** At the last scale: loss before each step and seconds since the call. */
  readonly trace: readonly TracePoint[];
  readonly peakDevice: number;
  readonly peakProcess: number;
}

export interface TracePoint {
  readonly loss: number;
  readonly seconds: number;
}

/** torch.optim.LBFGS at the full size. */
export interface PyTorchRun {
  readonly engine: string;
  /** When its first step began. */
  readonly ready: number;
  /** Before each step and after the last; null where it was not finite. */
  readonly losses: readonly (number | null)[];
  /** When each was known. */
  readonly seconds: readonly number[];
  readonly peakProcess: number;
}

/** Everything about one network and size. */
export interface JobReport {
  /** Missing in reports of earlier versions, which had VGG19 alone, with generated weights. */
  readonly network?: NetworkName;
  /** Long side, and both, in pixels. */
  readonly size: number;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  /** The least loss of the first of PyTorch's runs. */
  readonly target: number;
  readonly pytorch: readonly (PyTorchRun | { readonly engine: string; readonly problem: string })[];
  readonly agreement: readonly Agreement[];
  readonly runs: readonly JobRun[];
  /** Schedules that could not be run, and why. */
  readonly failures: readonly string[];
}

/** The same picture's loss by both. */
export interface Agreement {
  readonly picture: string;
  readonly ours: number;
  readonly pytorch: number;
}

/** What --json writes of --job. */
export interface JobsReport extends ReportHead {
  readonly kind: "job";
  readonly jobs: readonly JobReport[];
}
