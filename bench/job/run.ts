/**
 * The job that is timed to a given loss (two of the examples, a network with the weights that come with the program,
 * its own losses), and a run of the engine towards that, in the process that calls it.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { GpuContext } from "../../engine/gpu/context.ts";
import { precisionOn } from "../../engine/gpu/precision.ts";
import { type Iterate, type Picture, stylize } from "../../engine/index.ts";
import { lossLayers, recordObjective, type Term, termsOf } from "../../engine/losses/objective.ts";
import { parseRecord } from "../../engine/losses/record.ts";
import { loadModel } from "../../engine/model.ts";
import type { Network } from "../../engine/network/types.ts";
import { openContext } from "../../engine/node.ts";
import type { Size } from "../../engine/picture.ts";
import { resample } from "../../engine/resample.ts";
import { decodePicture, longSide } from "../../pictures/index.ts";
import { generatedNetwork, loadNetwork } from "../../weights/index.ts";
import { adapterReport, peakProcessBytes } from "../measure.ts";
import { resetObjective, targetsOf } from "../subject.ts";
import type { NetworkName, Task } from "../task.ts";
import type { EvaluateRequest, Evaluation, JobRun, RunRequest, ScaleDone, TracePoint } from "./report.ts";

export const contentName = "astronaut.jpg";
export const styleName = "auvers.jpg";

export interface JobParts {
  readonly network: Network;
  readonly terms: readonly Term[];
  /** As decoded; the engine scales them itself. */
  readonly content: Picture;
  readonly style: Picture;
}

/** With the weights that ship; VGG19's, which do not, are the generated network's, since random ones paint nothing. */
export async function loadJob(name: NetworkName): Promise<JobParts> {
  const network = name === "vgg19" ? generatedNetwork() : await loadNetwork(name);
  const [content, style] = await Promise.all([contentName, styleName].map(example));
  return { network, terms: termsOf(network.defaults), content: content!, style: style! };
}

async function example(name: string): Promise<Picture> {
  const { picture } = await decodePicture(fileURLToPath(new URL(`../../examples/${name}`, import.meta.url)));
  return picture;
}

/**
 * What the job minimises at its last scale: both pictures' long sides have `size` pixels, and the content is where it
 * begins.
 */
export function taskAt({ network, terms, content, style }: JobParts, size: number): Task {
  const start = longSide(content, size, contentName);
  return { network, terms, pictures: { content: start, start, style: longSide(style, size, styleName) } };
}

/** Of a file with f32 [3][height][width]. */
export function readPicture(file: string, { width, height }: Size): Picture {
  const { buffer, byteOffset, length } = readFileSync(file);
  return { width, height, data: new Float32Array(buffer.slice(byteOffset, byteOffset + length)) };
}

const open = ({ family, device }: RunRequest | EvaluateRequest) =>
  openContext({ giveWay: true, ...(family && { family }), ...(device && { adapter: device }) });

/** Evaluates the start picture and those of `request.files` at the full size. */
export async function evaluate(request: EvaluateRequest): Promise<Evaluation> {
  const task = taskAt(await loadJob(request.network), request.size);
  const { start } = task.pictures;
  const pictures = request.files.map((file) => readPicture(file, start));
  using context = await open(request);
  const losses = await lossesOf(context, task, [start, ...pictures]);
  return { adapter: adapterReport(context, "f32"), losses };
}

/**
 * Runs the engine until the target, the last step or the time's end; what is measured ends before anything is evaluated
 * anew.
 */
export async function runJob(request: RunRequest): Promise<JobRun> {
  const { size, precision, schedule, steps, target } = request;
  const job = await loadJob(request.network);
  const task = taskAt(job, size);
  const began = performance.now();
  const since = () => (performance.now() - began) / 1e3;
  using context = await open(request);
  const watch = watchRun(request, since);
  const { picture, last } = await stylize({
    context,
    network: job.network,
    content: job.content,
    styles: [job.style],
    size,
    precision,
    steps: steps + 1, // a step tells the loss before it
    ...schedule,
    signal: watch.signal,
    onIterate: watch.note,
  });
  const seconds = since();
  const { peakBytes: peakDevice } = context;
  const peakProcess = peakProcessBytes();
  const { width, height } = task.pictures.start;
  const scales = [...watch.scales, { ...shapeOf(last!), steps: last!.step, seconds, picture }];
  const enlarged = scales.map((scale) => resample(scale.picture, width, height));
  writeFileSync(request.file, enlarged.at(-1)!.data);
  const losses = await lossesOf(context, task, enlarged);
  return {
    schedule,
    adapter: adapterReport(context, precisionOn(context, precision)),
    reached: watch.trace.some(({ loss }) => loss <= target),
    firstStep: watch.started.firstStep!,
    seconds,
    scales: scales.map(({ picture, ...scale }, i) => ({ ...scale, fullLoss: losses[i]! })),
    loss: losses.at(-1)!,
    trace: watch.trace,
    peakDevice,
    peakProcess,
  };
}

const shapeOf = ({ width, height }: Iterate) => ({ width, height });

/** Keeps what a run tells of itself, and stops it at its target or when its time is over. */
function watchRun(request: RunRequest, since: () => number) {
  const stop = new AbortController();
  const scales: (Omit<ScaleDone, "fullLoss"> & { readonly picture: Picture })[] = [];
  const trace: TracePoint[] = [];
  const started: { firstStep?: number } = {};
  const note = async (iterate: Iterate, best: () => Promise<Picture>) => {
    const seconds = since();
    const { loss, ms, step, steps, scale, scales: count } = iterate;
    started.firstStep ??= seconds - ms / 1e3;
    const isLast = scale === count - 1;
    if (isLast) trace.push({ loss, seconds });
    if ((isLast && loss <= request.target) || seconds > request.seconds) stop.abort();
    else if (!isLast && step === steps)
      scales.push({ ...shapeOf(iterate), steps, seconds, picture: await best() });
  };
  return { scales, trace, started, signal: stop.signal, note };
}

/** The loss of each picture by the engine's objective at the size of the task. */
async function lossesOf(
  context: GpuContext,
  { network, terms, pictures }: Task,
  candidates: readonly Picture[],
): Promise<number[]> {
  using arena = context.arena("evaluation");
  const layers = [...lossLayers(terms)];
  const model = await context.guarded(() =>
    loadModel(context, arena, network, network.defaults.pooling, layers),
  );
  const targets = await targetsOf(context, model, pictures, terms);
  const objective = await context.guarded(() =>
    recordObjective(context, arena, model, pictures.start, terms, targets),
  );
  const losses: number[] = [];
  for (const picture of candidates) {
    resetObjective(context, objective, picture);
    await objective.program.run();
    const ring = await context.readFloats(objective.ring, objective.ring.size / 4);
    losses.push(parseRecord(ring, 0, objective.terms.length).total);
  }
  return losses;
}
