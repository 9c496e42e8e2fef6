/** Records for tests of tables and charts. */
import type { JobReport, JobRun, JobsReport } from "../job/report.ts";
import type { Machine } from "../machine.ts";
import type { AdapterReport, KeptMeasurement, PeerMeasurement } from "../report.ts";

export const exampleMachine: Machine = {
  processor: "Processor <X> & Sons",
  cores: 2,
  memory: 16e9,
  system: "linux 6",
  node: "20.20.0",
  webgpu: "0.6.2",
  commit: "0123456789",
  nvidia: undefined,
  load: 0.1,
};

export const exampleAdapter: AdapterReport = {
  name: "llvmpipe: Mesa 25",
  vendor: "mesa",
  architecture: "software",
  device: "llvmpipe-512-bits",
  family: "cpu",
  precision: "f32",
};

const spread = (ms: number) => ({ min: ms, mean: ms, median: ms });

export function exampleMeasurement(size: number, ms: number): KeptMeasurement {
  return {
    size,
    optimizer: "lbfgs",
    history: 30,
    adapter: exampleAdapter,
    startUp: { device: 1, weights: 2, targets: 3, kernels: 4, firstStep: 5, total: 15, cache: "warm" },
    loss: 0.5,
    gradientNorm: 0.25,
    wall: spread(ms),
    deviceStep: undefined,
    deviceOptimizer: undefined,
    restored: 0,
    dispatches: 10,
    peakDevice: 5e8,
    peakProcess: 1e9,
    profile: undefined,
  };
}

export function examplePeer(engine: string, size: number, ms: number): PeerMeasurement {
  return {
    size,
    engine,
    loss: 0.5,
    gradientNorm: 0.25,
    wall: spread(ms),
    peakProcess: 1e9,
    tolerance: 1e-3,
  };
}

function run(parts: Partial<JobRun>): JobRun {
  return {
    schedule: { minSize: 64, scaleSteps: 30 },
    adapter: exampleAdapter,
    reached: false,
    firstStep: 0.5,
    seconds: 3,
    scales: [{ width: 64, height: 64, steps: 2, seconds: 3, fullLoss: 0.25 }],
    loss: 0.25,
    trace: [
      { loss: 0.8, seconds: 1 },
      { loss: 0.25, seconds: 3 },
    ],
    peakDevice: 5e8,
    peakProcess: 1e9,
    ...parts,
  };
}

/** PyTorch has the target of 0.2 after 4.5 s; the default never, two scales after 2 s. */
export const exampleJob: JobReport = {
  size: 64,
  width: 64,
  height: 64,
  steps: 4,
  target: 0.2,
  pytorch: [
    {
      engine: "PyTorch 1.13 cpu eager",
      ready: 0.5,
      losses: [0.8, null, 0.4, 0.2, 0.19],
      seconds: [1, 2, 3, 4.5, 5],
      peakProcess: 4e8,
    },
    { engine: "PyTorch 1.13 cpu tf32", problem: "failed: no such thing" },
  ],
  agreement: [{ picture: "start", ours: 0.8, pytorch: 0.80001 }],
  runs: [
    run({}),
    run({
      schedule: { minSize: 45, scaleSteps: 15 },
      reached: true,
      seconds: 2,
      loss: 0.18,
      scales: [
        { width: 45, height: 45, steps: 15, seconds: 1, fullLoss: 0.3 },
        { width: 64, height: 64, steps: 2, seconds: 2, fullLoss: 0.18 },
      ],
      trace: [
        { loss: 0.26, seconds: 1.5 },
        { loss: 0.18, seconds: 2 },
      ],
    }),
  ],
  failures: [],
};

export const exampleJobs: Pick<JobsReport, "kind" | "date" | "machine" | "jobs"> = {
  kind: "job",
  date: "2026-11-22T12:00:00.000Z",
  machine: exampleMachine,
  jobs: [exampleJob],
};
