/**
 * `npm run bench -- --job`: seconds to a given loss. PyTorch runs at one scale, then the engine with several schedules,
 * each until it has what PyTorch ended with.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { KernelFamilyName } from "../../engine/gpu/adapter.ts";
import type { Precision } from "../../engine/gpu/precision.ts";
import { describeMachine } from "../machine.ts";
import { type BenchOptions, defaultJobSizes } from "../options.ts";
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
import type { Found } from "../report.ts";
import { machineText } from "../tables.ts";
import { type NetworkName, type Task, writeTask } from "../task.ts";
import type {
  Agreement,
  Evaluation,
  JobReport,
  JobRequest,
  JobRun,
  JobsReport,
  PyTorchRun,
  RunRequest,
} from "./report.ts";
import { loadJob, taskAt } from "./run.ts";
import { distinctSchedules, type Schedule, scheduleGrid } from "./schedules.ts";
import { bestRun, disagreements, jobText } from "./tables.ts";

export async function benchJob(options: BenchOptions): Promise<Found<JobsReport>> {
  const { jobSteps: steps, schedules, family, precision, device, python } = options;
  const machine = describeMachine();
  const date = new Date().toISOString();
  const jobs: JobReport[] = [];
  const failures: string[] = [];
  for (const size of options.sizes ?? defaultJobSizes) {
    for (const network of options.network) {
      const what = `${network} at ${size} px`;
      say(`the job, ${what}`);
      try {
        const asked = { steps, schedules, family, precision, device, python, say };
        const job = await measureJob(network, size, asked);
        jobs.push(job);
        failures.push(...job.failures);
        failures.push(...disagreements(job).map((text) => `the losses disagree, ${what}: ${text}`));
      } catch (error) {
        failures.push(`the job, ${what}, failed: ${messageOf(error)}`);
      }
    }
  }
  const { json, chart, python: _, ...asked } = options;
  const report = { kind: "job", date, machine, options: asked, jobs } as const;
  const adapter = jobs[0]?.runs[0]?.adapter;
  const text = adapter ? [machineText(machine, adapter, date), ...jobs.map(jobText)].join("\n\n") : "";
  return { text, report, failures };
}

/** A schedule is given up where it takes so many times as long as the fastest before. */
const PATIENCE = 1.25;

/** Seconds; JSON has no infinity. */
const FOREVER = Number.MAX_VALUE;

/** Modes of PyTorch whose loss is the same function as ours; the first one's result is the target. */
const MODES = ["eager", "tf32"];

export interface JobOptions {
  /** Of PyTorch, and at most at our last scale. */
  readonly steps: number;
  readonly schedules: readonly Schedule[] | undefined;
  readonly family: KernelFamilyName | undefined;
  readonly precision: Precision | "auto";
  /** Part of the adapter's name. */
  readonly device: string | undefined;
  readonly python: string | undefined;
  readonly say: (text: string) => void;
}

/** Runs the job with `network` at `size`. Throws where there is no PyTorch to set the target. */
export function measureJob(network: NetworkName, size: number, options: JobOptions): Promise<JobReport> {
  return withFolder(async (folder) => {
    const { steps, schedules, say } = options;
    const task = taskAt(await loadJob(network), size);
    writeTask(folder, task);
    const ours = new Ours(network, size, folder, options);
    const adapter = (await ours.evaluate([])).adapter;
    const theirs = new Theirs(await pytorchFor(adapter.family, options), folder, adapter.family, say);
    const pytorch = await theirs.runAll(steps);
    const reference = pytorch[0]!;
    if ("problem" in reference) throw new Error(`${reference.engine} ${reference.problem}`);
    const target = leastLoss(reference);
    const { losses } = await ours.evaluate([theirs.picture]);
    const agreement: Agreement[] = [
      { picture: "start", ours: losses[0]!, pytorch: reference.losses[0]! },
      { picture: "PyTorch's result", ours: losses[1]!, pytorch: target },
    ];
    const { start } = task.pictures;
    const { runs, failures } = await ours.runAll(
      distinctSchedules(start, size, schedules ?? scheduleGrid(size, steps)),
      target,
    );
    const best = bestRun(runs);
    if (best) {
      const found = await theirs.evaluate(task, ours.pictureOf(best.schedule));
      agreement.push({ picture: "our best result", ours: best.loss, pytorch: found });
    }
    const { width, height } = start;
    return { network, size, width, height, steps, target, pytorch, agreement, runs, failures };
  });
}

async function pytorchFor(family: KernelFamilyName, { python }: JobOptions): Promise<PyTorch> {
  const pytorch = await findPyTorch(family, python);
  if (typeof pytorch === "string") throw new Error(pytorch);
  return pytorch;
}

/** The engine, each run in a process of its own. */
class Ours {
  readonly #network: NetworkName;
  readonly #size: number;
  readonly #folder: string;
  readonly #options: JobOptions;

  constructor(network: NetworkName, size: number, folder: string, options: JobOptions) {
    this.#network = network;
    this.#size = size;
    this.#folder = folder;
    this.#options = options;
  }

  evaluate(files: readonly string[]): Promise<Evaluation> {
    return this.#ask({ kind: "evaluate", ...this.#common(), files });
  }

  /** Where a schedule's result lies. */
  pictureOf({ minSize, scaleSteps }: Schedule): string {
    return join(this.#folder, `ours-${minSize}-${scaleSteps}.bin`);
  }

  async runAll(
    schedules: readonly Schedule[],
    target: number,
  ): Promise<{ runs: readonly JobRun[]; failures: readonly string[] }> {
    const { steps, say } = this.#options;
    const runs: JobRun[] = [];
    const failures: string[] = [];
    say("a step at each scale, which fills the shader cache");
    const minSize = Math.min(...schedules.map((schedule) => schedule.minSize));
    await this.#run({ minSize, scaleSteps: 1 }, { steps: 1, target: 0, seconds: FOREVER });
    for (const schedule of schedules) {
      const name = `scales from ${schedule.minSize} px with ${schedule.scaleSteps} steps at the smaller`;
      const fastest = bestRun(runs);
      const seconds = fastest ? PATIENCE * fastest.seconds : FOREVER;
      say(name);
      try {
        runs.push(await this.#run(schedule, { steps, target, seconds }));
      } catch (error) {
        failures.push(`${name}: ${messageOf(error)}`);
      }
    }
    if (runs.length === 0) throw new Error(failures.join("; "));
    return { runs, failures };
  }

  #run(schedule: Schedule, most: Pick<RunRequest, "steps" | "target" | "seconds">): Promise<JobRun> {
    return this.#ask({ kind: "run", ...this.#common(), schedule, ...most, file: this.pictureOf(schedule) });
  }

  #common() {
    const { family, precision, device } = this.#options;
    return { network: this.#network, size: this.#size, family, precision, device };
  }

  #ask<Result>(request: JobRequest): Promise<Result> {
    return askChild<Result>(childScript, request);
  }
}

type TheirRun = JobReport["pytorch"][number];

/** torch.optim.LBFGS on the task that was written to `folder`. */
class Theirs {
  readonly #pytorch: PyTorch;
  readonly #folder: string;
  readonly #family: KernelFamilyName;
  readonly #say: (text: string) => void;

  constructor(pytorch: PyTorch, folder: string, family: KernelFamilyName, say: (text: string) => void) {
    this.#pytorch = pytorch;
    this.#folder = folder;
    this.#family = family;
    this.#say = say;
  }

  /** Where the last run left its best picture. */
  get picture(): string {
    return join(this.#folder, "pytorch.bin");
  }

  /** In each mode; the first runs last, since its picture is the one that counts. */
  async runAll(steps: number): Promise<readonly TheirRun[]> {
    const results: TheirRun[] = [];
    for (const mode of MODES.filter((name) => this.#pytorch.modes.includes(name)).reverse()) {
      results.unshift(await this.#run(steps, mode));
    }
    return results;
  }

  /** Replaces the task's start picture by that of `file` and evaluates it. */
  async evaluate(task: Task, file: string): Promise<number> {
    const { buffer, byteOffset, length } = readFileSync(file);
    const data = new Float32Array(buffer.slice(byteOffset, byteOffset + length));
    const start = { ...task.pictures.start, data };
    writeTask(this.#folder, { ...task, pictures: { ...task.pictures, start } });
    const found = await this.#run(0, MODES[0]!);
    if ("problem" in found) throw new Error(`${found.engine} ${found.problem}`);
    return found.losses[0]!;
  }

  async #run(steps: number, mode: string): Promise<TheirRun> {
    const { python, version, device } = this.#pytorch;
    const engine = `PyTorch ${version} ${device} ${mode}`;
    this.#say(`${engine}: ${steps} steps`);
    const script = join(peersFolder, "pytorch_job.py");
    const { ok, stdout, stderr } = await run([python, script, this.#folder, `${steps}`, this.#family, mode]);
    return ok
      ? (JSON.parse(lastLine(stdout)) as PyTorchRun)
      : { engine, problem: `failed: ${lastLine(stderr)}` };
  }
}

/** Of all evaluations; L-BFGS without a line search may leave its best picture. */
function leastLoss({ losses }: PyTorchRun): number {
  return Math.min(...losses.map((loss) => loss ?? Number.POSITIVE_INFINITY));
}
