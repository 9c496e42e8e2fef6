/**
 * `npm run bench -- --job`: seconds to a given loss. PyTorch runs at one scale, then the engine with several schedules,
 * each until it has what PyTorch ended with.
 */

import { join } from "node:path";
import type { KernelFamilyName } from "../../engine/gpu/adapter.ts";
import { type BenchOptions, casesOf, defaultJobSizes } from "../options.ts";
import { findPyTorch, type PyTorch } from "../peers.ts";
import {
  askChild,
  childScript,
  lastLine,
  messageOf,
  peersFolder,
  run,
  say,
  withFolder,
} from "../processes.ts";
import { type Found, reportHead } from "../report.ts";
import { machineText } from "../tables.ts";
import { type NetworkName, writeTask } from "../task.ts";
import type {
  Agreement,
  EvaluateRequest,
  Evaluation,
  JobReport,
  JobRun,
  JobsReport,
  PyTorchRun,
  RunRequest,
} from "./report.ts";
import { loadJob, readPicture, taskAt } from "./run.ts";
import { distinctSchedules, type Schedule, scheduleGrid } from "./schedules.ts";
import { bestRun, disagreements, jobText } from "./tables.ts";

export async function benchJob(options: BenchOptions): Promise<Found<JobsReport>> {
  const head = reportHead(options);
  const jobs: JobReport[] = [];
  const failures: string[] = [];
  for (const { network, size, what } of casesOf(options, defaultJobSizes)) {
    say(`the job, ${what}`);
    try {
      const job = await measureJob(network, size, options);
      jobs.push(job);
      failures.push(...job.failures);
      failures.push(...disagreements(job).map((text) => `the losses disagree, ${what}: ${text}`));
    } catch (error) {
      failures.push(`the job, ${what}, failed: ${messageOf(error)}`);
    }
  }
  const adapter = jobs[0]?.runs[0]?.adapter;
  const text = adapter ? [machineText(head, adapter), ...jobs.map(jobText)].join("\n\n") : "";
  return { text, report: { kind: "job", ...head, jobs }, failures };
}

/** A schedule is given up where it takes so many times as long as the fastest before. */
const PATIENCE = 1.25;

/** Seconds; JSON has no infinity. */
const FOREVER = Number.MAX_VALUE;

/** Modes of PyTorch whose loss is the same function as ours; the first one's result is the target. */
const MODES = ["eager", "tf32"];

/** Runs the job with `network` at `size`. Throws where there is no PyTorch to set the target. */
function measureJob(network: NetworkName, size: number, options: BenchOptions): Promise<JobReport> {
  return withFolder(async (folder) => {
    const { jobSteps: steps, schedules, family, precision, device, python } = options;
    const task = taskAt(await loadJob(network), size);
    writeTask(folder, task);
    const common = { network, size, family, precision, device };
    const evaluateOurs = (files: readonly string[]) =>
      askChild<Evaluation>(childScript, { kind: "evaluate", ...common, files } satisfies EvaluateRequest);
    const { adapter } = await evaluateOurs([]);
    const found = await findPyTorch(adapter.family, python);
    if (typeof found === "string") throw new Error(found);
    const theirs = { ...found, folder, family: adapter.family };
    const pytorch = await runPyTorch(theirs, steps);
    const reference = measuredBy(pytorch[0]!);
    const target = leastLoss(reference);
    const { losses } = await evaluateOurs([join(folder, "pytorch.bin")]);
    const agreement: Agreement[] = [
      { picture: "start", ours: losses[0]!, pytorch: reference.losses[0]! },
      { picture: "PyTorch's result", ours: losses[1]!, pytorch: target },
    ];
    const { start } = task.pictures;
    const { runs, failures } = await runSchedules(
      distinctSchedules(start, size, schedules ?? scheduleGrid(size, steps)),
      { kind: "run", ...common, steps, target },
      folder,
    );
    const best = bestRun(runs);
    if (best) {
      const result = readPicture(resultOf(folder, best.schedule), start);
      writeTask(folder, { ...task, pictures: { ...task.pictures, start: result } });
      const evaluated = measuredBy(await runMode(theirs, 0, MODES[0]!));
      agreement.push({ picture: "our best result", ours: best.loss, pytorch: evaluated.losses[0]! });
    }
    const { width, height } = start;
    return { network, size, width, height, steps, target, pytorch, agreement, runs, failures };
  });
}

/** Where a schedule's result lies. */
const resultOf = (folder: string, { minSize, scaleSteps }: Schedule): string =>
  join(folder, `ours-${minSize}-${scaleSteps}.bin`);

/** The engine with each of `schedules`, in a process of its own. Throws where all fail. */
async function runSchedules(
  schedules: readonly Schedule[],
  request: Omit<RunRequest, "schedule" | "seconds" | "file">,
  folder: string,
): Promise<Pick<JobReport, "runs" | "failures">> {
  const run = (schedule: Schedule, most: Pick<RunRequest, "seconds"> & Partial<RunRequest>) => {
    const asked: RunRequest = { ...request, schedule, ...most, file: resultOf(folder, schedule) };
    return askChild<JobRun>(childScript, asked);
  };
  const runs: JobRun[] = [];
  const failures: string[] = [];
  say("a step at each scale, which fills the shader cache");
  const minSize = Math.min(...schedules.map((schedule) => schedule.minSize));
  await run({ minSize, scaleSteps: 1 }, { steps: 1, target: 0, seconds: FOREVER });
  for (const schedule of schedules) {
    const name = `scales from ${schedule.minSize} px with ${schedule.scaleSteps} steps at the smaller`;
    const fastest = bestRun(runs);
    say(name);
    try {
      runs.push(await run(schedule, { seconds: fastest ? PATIENCE * fastest.seconds : FOREVER }));
    } catch (error) {
      failures.push(`${name}: ${messageOf(error)}`);
    }
  }
  if (runs.length === 0) throw new Error(failures.join("; "));
  return { runs, failures };
}

type TheirRun = JobReport["pytorch"][number];

/** torch.optim.LBFGS on the task that was written to `folder`, where each run leaves its best picture. */
type Theirs = PyTorch & { readonly folder: string; readonly family: KernelFamilyName };

/** In each mode; the first runs last, since its picture is the one that counts. */
async function runPyTorch(theirs: Theirs, steps: number): Promise<readonly TheirRun[]> {
  const results: TheirRun[] = [];
  for (const mode of MODES.filter((name) => theirs.modes.includes(name)).reverse()) {
    results.unshift(await runMode(theirs, steps, mode));
  }
  return results;
}

async function runMode(theirs: Theirs, steps: number, mode: string): Promise<TheirRun> {
  const { python, version, device, folder, family } = theirs;
  const engine = `PyTorch ${version} ${device} ${mode}`;
  say(`${engine}: ${steps} steps`);
  const script = join(peersFolder, "pytorch_job.py");
  const { ok, stdout, stderr } = await run([python, script, folder, `${steps}`, family, mode]);
  return ok ? JSON.parse(lastLine(stdout)) : { engine, problem: `failed: ${lastLine(stderr)}` };
}

/** Throws where the run failed. */
function measuredBy(run: TheirRun): PyTorchRun {
  if ("problem" in run) throw new Error(`${run.engine} ${run.problem}`);
  return run;
}

/** Of all evaluations; L-BFGS without a line search may leave its best picture. */
function leastLoss({ losses }: PyTorchRun): number {
  return Math.min(...losses.map((loss) => loss ?? Number.POSITIVE_INFINITY));
}
