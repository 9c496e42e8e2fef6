/** Seconds to a given loss: PyTorch at one scale, then the engine with several schedules, until it has what PyTorch ended with. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { askChild, withFolder } from "../children.ts";
import { lastLine, peersFolder, run } from "../commands.ts";
import { writeProblem } from "../problem-files.ts";
import { findPyTorch, type PyTorch } from "../pytorch.ts";
import { type Job, loadJob, problemAt } from "./problem.ts";
import type { Agreement, Evaluation, JobReport, JobRequest, JobRun, PyTorchRun } from "./report.ts";
import { distinctSchedules, type Schedule, scheduleGrid } from "./schedules.ts";

const child = fileURLToPath(new URL("child.ts", import.meta.url));

/** A schedule is given up where it takes so many times as long as the fastest before. */
const PATIENCE = 1.25;

/** Modes of PyTorch whose loss is the same function as ours; the first one's result is the target. */
const MODES = ["eager", "tf32"];

export interface JobOptions {
  /** Of PyTorch, and at most at our last scale. */
  readonly steps: number;
  readonly schedules: readonly Schedule[] | undefined;
  readonly family: "cpu" | "gpu" | undefined;
  readonly device: string | undefined;
  readonly python: string | undefined;
  readonly say: (text: string) => void;
}

/** Runs the job at `size`. Throws where there is no PyTorch to set the target. */
export function measureJob(size: number, options: JobOptions): Promise<JobReport> {
  return withFolder(async (folder) => {
    const { steps, say } = options;
    const job = await loadJob();
    writeProblem(folder, problemAt(job, size));
    say(`job at ${size} px: which adapter, which loss`);
    const common = { size, family: options.family, device: options.device };
    const ask = <Result>(request: JobRequest) => askChild<Result>(child, request);
    const { adapter } = await ask<Evaluation>({ kind: "evaluate", ...common, files: [] });
    const pytorch = await findPyTorch(adapter.family, options.python);
    if (typeof pytorch === "string") throw new Error(pytorch);
    const theirs = await runPyTorch(pytorch, folder, steps, adapter.family, say);
    const reference = theirs[0]!;
    if ("problem" in reference) throw new Error(`${reference.engine} ${reference.problem}`);
    const target = leastLoss(reference);
    const theirPicture = join(folder, "pytorch.bin");
    const { losses } = await ask<Evaluation>({ kind: "evaluate", ...common, files: [theirPicture] });
    const agreement: Agreement[] = [
      { picture: "start", ours: losses[0]!, pytorch: reference.losses[0]! },
      { picture: "PyTorch's result", ours: losses[1]!, pytorch: target },
    ];
    const runs: JobRun[] = [];
    const file = join(folder, "ours.bin");
    let allowed = Number.MAX_VALUE;
    for (const schedule of schedulesFor(job, size, options)) {
      say(
        `job at ${size} px: first scale ${schedule.minSize} px, ${schedule.scaleSteps} steps at each smaller one`,
      );
      const found = await ask<JobRun>({
        kind: "run",
        ...common,
        schedule,
        steps,
        target,
        seconds: allowed,
        file,
      });
      runs.push(found);
      if (!found.reached) continue;
      if (runs.length === 1) agreement.push(await checked(pytorch, folder, job, size, found, file));
      allowed = Math.min(allowed, PATIENCE * found.seconds);
    }
    return { size, steps, target, pytorch: theirs, agreement, runs };
  });
}

const schedulesFor = ({ content }: Job, size: number, { schedules, steps }: JobOptions) =>
  distinctSchedules(content, size, schedules ?? scheduleGrid(size, steps));

type Theirs = JobReport["pytorch"][number];

/** The first mode last: it leaves its picture. */
async function runPyTorch(
  pytorch: PyTorch,
  folder: string,
  steps: number,
  family: string,
  say: (text: string) => void,
): Promise<readonly Theirs[]> {
  const results: Theirs[] = [];
  for (const mode of MODES.filter((name) => pytorch.modes.includes(name)).reverse()) {
    const engine = `PyTorch ${pytorch.version} ${pytorch.device} ${mode}`;
    say(`${engine}: ${steps} steps`);
    results.unshift(await optimise(pytorch, folder, steps, family, mode, engine));
  }
  return results;
}

async function optimise(
  { python }: PyTorch,
  folder: string,
  steps: number,
  family: string,
  mode: string,
  engine: string,
): Promise<Theirs> {
  const script = join(peersFolder, "pytorch_job.py");
  const { ok, stdout, stderr } = await run([python, script, folder, `${steps}`, family, mode]);
  return ok
    ? (JSON.parse(lastLine(stdout)) as PyTorchRun)
    : { engine, problem: `failed: ${lastLine(stderr)}` };
}

/** PyTorch's opinion of the picture that `ours` made. */
async function checked(
  pytorch: PyTorch,
  folder: string,
  job: Job,
  size: number,
  ours: JobRun,
  file: string,
): Promise<Agreement> {
  const problem = problemAt(job, size);
  const bytes = readFileSync(file);
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const { width, height } = problem.pictures.start;
  const start = { width, height, data };
  writeProblem(folder, { ...problem, pictures: { ...problem.pictures, start } });
  const found = await optimise(pytorch, folder, 0, ours.adapter.family, "eager", "PyTorch");
  if ("problem" in found) throw new Error(found.problem);
  return { picture: "our result", ours: ours.loss, pytorch: found.losses[0]! };
}

/** Of all evaluations; L-BFGS without a line search may leave its best picture. */
export function leastLoss({ losses }: PyTorchRun): number {
  return Math.min(...losses.map((loss) => loss ?? Number.POSITIVE_INFINITY));
}
