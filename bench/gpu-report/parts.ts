/** The parts of a report, in their order: what each is about, and how it comes by its result. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JobRun, RunRequest } from "../job/report.ts";
import { describeMachine } from "../machine.ts";
import type { BenchOptions } from "../options.ts";
import { runPeers } from "../peers.ts";
import { askChild, childScript, lastLine, messageOf, run, withFolder } from "../processes.ts";
import type { Measurement, MeasureRequest } from "../report.ts";
import { measureColdAndWarm, portable } from "../steps.ts";
import type { NetworkName } from "../task.ts";
import { lostTest } from "./operations.ts";
import type { Plan } from "./plan.ts";
import type {
  AdapterDetails,
  ColdAndWarm,
  MachineDetails,
  OperationTest,
  PartName,
  Peak,
  PeerRound,
  Results,
  SelfTest,
  StepRun,
  Suite,
  Tuning,
} from "./report.ts";
import { ask, askForUnits } from "./requests.ts";
import type { TuningRow } from "./tuning.ts";

/** Takes what a part has found so far; the report is written with it. */
export type Keep<Name extends PartName> = (result: Results[Name]) => void;

export type Part = { readonly [Name in PartName]: PartOf<Name> }[PartName];

export interface PartOf<Name extends PartName> {
  readonly name: Name;
  readonly title: string;
  /** About how long it takes on a GPU: "a minute". */
  readonly about: string;
  /** Why it is left out: one sentence. */
  readonly leftOut?: string | undefined;
  /** Calls `keep` as often as there is more; rejects with why there is no more. */
  run(keep: Keep<Name>): Promise<void>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

export async function describeAll(options: BenchOptions): Promise<MachineDetails> {
  const { family, device } = options;
  const adapter = await ask<AdapterDetails>({ part: "adapter", family, device });
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const machine = describeMachine();
  return { version, machine, system: systemName() ?? machine.system, adapter };
}

/** As Linux distributions tell it. */
function systemName(): string | undefined {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

/** All but the machine, which a plan depends on. The kernels are those for GPUs, on whatever adapter. */
export function partsOf(plan: Plan, options: BenchOptions): readonly Part[] {
  const left = (isIn: boolean) => (isIn ? undefined : "left out of a quick report");
  const parts: readonly Part[] = [
    {
      name: "selfTest",
      title: "Self-test",
      about: "some seconds",
      run: (keep) => selfTests(plan, options, keep),
    },
    {
      name: "operations",
      title: "Convolutions against double precision",
      about: "a minute",
      run: (keep) => operations(plan, options, keep),
    },
    {
      name: "suite",
      title: "The project's own tests of operations",
      about: "two minutes",
      leftOut: left(plan.runsSuite),
      run: async (keep) => keep(await suite()),
    },
    { name: "peaks", title: "Peaks", about: "some seconds", run: (keep) => peaks(plan, options, keep) },
    { name: "tuning", title: "Tuning", about: "four minutes", run: (keep) => tuning(plan, options, keep) },
    { name: "steps", title: "Steps", about: "seven minutes", run: (keep) => steps(plan, options, keep) },
    {
      name: "starts",
      title: "Starts",
      about: "a minute",
      leftOut: left(plan.startSize !== undefined),
      run: (keep) => starts(plan, options, keep),
    },
    { name: "job", title: "A whole job", about: "a minute", run: (keep) => job(plan, options, keep) },
    {
      name: "peers",
      title: "Other engines",
      about: "a minute for each that is installed",
      leftOut: left(plan.peerSize !== undefined),
      run: (keep) => peers(plan, options, keep),
    },
  ];
  return plan.isQuick ? parts.map((part) => ({ ...part, about: "some seconds" })) : parts;
}

/** Kernels for GPUs, on a software adapter, too. */
const ofGpus = ({ isQuick }: Plan, { device }: BenchOptions) =>
  ({ family: "gpu", device, oneOfEach: isQuick, skip: 0 }) as const;

async function selfTests(plan: Plan, options: BenchOptions, keep: Keep<"selfTest">): Promise<void> {
  const rows: SelfTest[] = [];
  const lost = (label: string, problem: string) =>
    ({ precision: label === "f16" ? "f16" : "f32", methods: [], problem }) as const;
  await askForUnits<SelfTest>({ part: "self-test", ...ofGpus(plan, options) }, lost, (row) => {
    rows.push(row);
    keep(rows);
  });
}

async function operations(plan: Plan, options: BenchOptions, keep: Keep<"operations">): Promise<void> {
  const rows: OperationTest[] = [];
  await askForUnits<OperationTest>({ part: "operations", ...ofGpus(plan, options) }, lostTest, (row) => {
    rows.push(row);
    keep(rows);
  });
}

async function peaks(plan: Plan, options: BenchOptions, keep: Keep<"peaks">): Promise<void> {
  const rows: Peak[] = [];
  const lost = (what: string, problem: string): Peak => ({ what, problem, unit: "ms" });
  await askForUnits<Peak>({ part: "peaks", ...ofGpus(plan, options) }, lost, (row) => {
    rows.push(row);
    keep(rows);
  });
}

async function tuning(plan: Plan, options: BenchOptions, keep: Keep<"tuning">): Promise<void> {
  const { networks, sizes, mostProblems, usualMs, generousMs, mostTuningMs: mostMs } = plan;
  let found: Tuning = { verdicts: {}, problems: [], runs: [] };
  const problems: string[] = [];
  let late = 0;
  for (const precision of plan.tunedPrecisions) {
    const request = {
      part: "tuning",
      ...{ precision, networks, sizes, mostProblems, usualMs, generousMs, mostMs },
      ...ofGpus(plan, options),
    } as const;
    const lost = (label: string, message: string): TuningRow => ({
      lost: `${label} in ${precision}: ${message}`,
    });
    try {
      await askForUnits<TuningRow>(request, lost, (row) => {
        found = withRow(found, row);
        if ("lost" in row) problems.push(row.lost);
        if ("late" in row) late++;
        keep(found);
      });
    } catch (error) {
      problems.push(`${precision}: ${messageOf(error)}`);
    }
  }
  if (late > 0) problems.push(`${late} shapes were passed over, since those before took ${mostMs / 1e3} s`);
  if (problems.length > 0) throw new Error(problems.join("; "));
}

function withRow({ verdicts, problems, runs }: Tuning, row: TuningRow): Tuning {
  return {
    verdicts: "verdict" in row ? { ...verdicts, ...row.verdict } : verdicts,
    problems: "problem" in row ? [...problems, row.problem] : problems,
    runs: "run" in row ? [...runs, row.run] : runs,
  };
}

/** How often a file of vitest's is waited for, milliseconds. */
const SUITE_MS = 900_000;

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly name: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Tests of operations, losses and optimisers with the kernels for GPUs: those for llvmpipe mean nothing elsewhere. */
function suite(): Promise<Suite> {
  return withFolder(async (folder) => {
    const file = join(folder, "tests.json");
    const vitest = [process.execPath, join(root, "node_modules", "vitest", "vitest.mjs"), "run"];
    const wholes = ["tests/pytorch.test.ts", "tests/half-precision.test.ts"];
    const which = [
      "engine/ops",
      "engine/optimizers",
      "engine/losses",
      ...wholes,
      "-t",
      "^(?!.*cpu)",
      "--exclude=engine/ops/cpu/**",
    ];
    const output = ["--reporter=json", `--outputFile=${file}`];
    const { stderr } = await run([...vitest, ...which, ...output], { folder: root, timeout: SUITE_MS });
    let report: VitestReport;
    try {
      report = JSON.parse(readFileSync(file, "utf8"));
    } catch {
      throw new Error(`vitest wrote no report: ${lastLine(stderr)}`);
    }
    const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = tests.filter(({ status }) => status === "failed");
    const broken = report.testResults.filter(({ assertionResults }) => assertionResults.length === 0);
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: report.numPendingTests,
      failures: [
        ...failed.map(({ fullName, failureMessages }) => ({
          test: fullName,
          message: failureMessages[0]?.split("\n")[0] ?? "",
        })),
        ...broken
          .filter(({ message }) => message !== "")
          .map(({ name, message }) => ({ test: name, message: message.split("\n")[0]! })),
      ],
    };
  });
}

const requestOf = (
  { reps }: Plan,
  { optimizer, history, family, device }: BenchOptions,
  network: NetworkName,
  size: number,
): Omit<MeasureRequest, "precision" | "profile"> => ({
  ...{ network, size, reps, optimizer, history, family, device },
});

async function steps(plan: Plan, options: BenchOptions, keep: Keep<"steps">): Promise<void> {
  const rows: StepRun[] = [];
  const cases = plan.sizes.flatMap((size) => plan.networks.map((network) => ({ network, size })));
  for (const { network, size } of cases) {
    for (const precision of plan.precisions) {
      for (const isTuned of plan.isTuned ? [false, true] : [false]) {
        const at = { network, size, precision, isTuned };
        try {
          const asked = { ...requestOf(plan, options, network, size), precision, isTuned, profile: !isTuned };
          rows.push({ ...at, measurement: portable(await askChild<Measurement>(childScript, asked)) });
        } catch (error) {
          rows.push({ ...at, problem: messageOf(error) });
        }
        keep(rows);
      }
    }
  }
}

async function starts(plan: Plan, options: BenchOptions, keep: Keep<"starts">): Promise<void> {
  const rows: ColdAndWarm[] = [];
  for (const network of plan.networks) {
    const at = { network, size: plan.startSize! };
    const { precision } = options;
    const asked = { ...requestOf(plan, options, network, at.size), reps: 0, precision, profile: false };
    try {
      const { cold, warm } = await measureColdAndWarm<Measurement>(childScript, asked);
      rows.push({ ...at, cold: portable(cold), warm: portable(warm) });
    } catch (error) {
      rows.push({ ...at, problem: messageOf(error) });
    }
    keep(rows);
  }
}

/** With the network that ships, as the engine runs by itself: self-test and tuning included. */
async function job(plan: Plan, options: BenchOptions, keep: Keep<"job">): Promise<void> {
  const network = plan.networks.find((name) => name !== "vgg19") ?? "vgg19";
  const { precision, family, device } = options;
  await withFolder(async (folder) => {
    const asked: RunRequest = {
      ...{ kind: "run", network, precision, family, device },
      ...{ size: plan.jobSize, schedule: plan.jobSchedule, steps: plan.jobSteps },
      target: 0, // no loss: all steps are made
      seconds: Number.MAX_VALUE,
      file: join(folder, "result.bin"),
    };
    const { trace, ...found } = await askChild<JobRun>(childScript, asked);
    keep({ network, size: plan.jobSize, ...found });
  });
}

async function peers(plan: Plan, options: BenchOptions, keep: Keep<"peers">): Promise<void> {
  const rounds: PeerRound[] = [];
  const packages = options.peers ? "all" : "present";
  const large = plan.networks.filter((name) => name !== "compact-small");
  const networks = large.length > 0 ? large : plan.networks;
  for (let round = 0; round < plan.peerRounds; round++) {
    for (const network of networks) {
      const at = { network, size: plan.peerSize! };
      const { precision } = options;
      const asked = {
        ...requestOf(plan, options, network, at.size),
        precision,
        isTuned: true,
        profile: false,
      };
      try {
        const ours = await askChild<Measurement>(childScript, asked);
        const found = await runPeers(ours, options, { packages, onlyGpu: ours.adapter.family === "gpu" });
        rounds.push({ ...at, ours: portable(ours), peers: found });
      } catch (error) {
        rounds.push({ ...at, peers: [], problem: messageOf(error) });
      }
      keep(rounds);
    }
  }
}
