/** One measurement at one size, in the process that calls it: its memory peaks are the process's own. */
import { readFileSync } from "node:fs";
import { compileAhead } from "../engine/compile-ahead.ts";
import type { Arena } from "../engine/gpu/arena.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { CountingContext } from "../engine/gpu/counting-context.ts";
import type { Kernel } from "../engine/gpu/kernel.ts";
import { type Precision, precisionOn } from "../engine/gpu/precision.ts";
import { KernelTuning } from "../engine/kernel-tuning.ts";
import { lossLayers } from "../engine/losses/objective.ts";
import { loadModel, type Model } from "../engine/model.ts";
import type { Network } from "../engine/network/types.ts";
import { openContext } from "../engine/node.ts";
import { watchShaderCache } from "./machine.ts";
import { type AdapterReport, type Measurement, type MeasureRequest, spreadOf, sum } from "./report.ts";
import { fillHistory, recordSubject, resetObjective, runSteps, type Subject, targetsOf } from "./subject.ts";
import { layersOf, type Pictures, seededNetwork, seededPictures, terms } from "./task.ts";
import { profileOf, TimedOptimizer } from "./timing.ts";

/** Steps before those that count: the loop submits ahead, and learns only from them how long to sleep. */
const WARM_UP = 3;

/** Opens the adapter, starts, times steps, and profiles if asked. */
export async function measure(request: MeasureRequest): Promise<Measurement> {
  const { size, optimizer, history, family, device } = request;
  const network = seededNetwork(request.network);
  const pictures = seededPictures(size);
  const environment = { ...process.env };
  const lap = stopwatch();
  using context = await openContext({
    giveWay: true,
    ...(family && { family }),
    ...(device && { adapter: device }),
  });
  const opening = lap();
  const precision = precisionOn(context, request.precision);
  const adapter = adapterReport(context, precision);
  if (request.isTuned) await tuneFor(context, request, precision);
  lap(); // tuning is no part of the start
  const shaderCache = watchShaderCache(adapter.vendor);
  using weights = context.arena("weights");
  const ahead = compileAhead(context, () => kernelsOf(context, request, network, pictures));
  const model = await context.guarded(() => modelOn(context, weights, network, precision));
  const loading = lap();
  await ahead.join();
  const joining = lap();
  const targets = await targetsOf(context, model, pictures, terms);
  const aiming = lap();
  using arena = context.arena("bench");
  const subject = await context.guarded(() =>
    recordSubject(context, arena, model, pictures, targets, request),
  );
  await Promise.all([subject.objective.program.ready(), subject.optimizer.ready()]);
  const compiling = lap();
  const ready = performance.now();
  const [first] = await runSteps(subject, subject.optimizer, 1);
  await ahead.stop();
  const parts = {
    device: opening,
    weights: loading,
    targets: aiming,
    kernels: joining + compiling,
    firstStep: first!.at - ready,
  };
  return {
    network: request.network,
    size,
    optimizer,
    history,
    adapter,
    environment: changedSince(environment),
    startUp: { ...parts, total: sum(Object.values(parts)), cache: shaderCache() },
    loss: first!.losses.total,
    gradientNorm: await gradientNormOf(subject),
    ...(await timeSteps(subject, request)),
    dispatches: subject.objective.program.dispatches,
    peakDevice: context.peakBytes,
    peakProcess: peakProcessBytes(),
    profile: request.profile ? await profileOf(subject.objective.program) : undefined,
  };
}

/** Milliseconds within which all of a network's convolutions are tuned. */
const TUNED_MS = 60_000;

/** As a run of a picture of this size does, but with time for all. */
async function tuneFor(context: GpuContext, { network, size }: MeasureRequest, precision: Precision) {
  const note = () => {}; // what is wrong is in the verdict
  const tuning = new KernelTuning(context, { precision, store: undefined, note });
  await tuning.prepare();
  const problems = tuning.unknownProblems(layersOf(network), { height: size, width: size });
  await tuning.tune(problems, { budgetMs: TUNED_MS });
}

function modelOn(
  context: GpuContext,
  weights: Arena,
  network: Network,
  precision: Precision,
): Promise<Model> {
  return loadModel(context, weights, network, network.defaults.pooling, [...lossLayers(terms)], precision);
}

/** The kernels that will be run behind those that load the network: records the same on a context that only counts. */
async function* kernelsOf(
  context: GpuContext,
  request: MeasureRequest,
  network: Network,
  pictures: Pictures,
): AsyncGenerator<readonly Kernel[]> {
  const counting = new CountingContext(context);
  using arena = counting.arena("rehearsal");
  const model = await modelOn(counting, arena, network, precisionOn(context, request.precision));
  const loading = counting.kernels.length;
  const targets = await targetsOf(counting, model, pictures, terms);
  recordSubject(counting, arena, model, pictures, targets, request);
  yield counting.kernels.slice(loading);
}

/** Returns the milliseconds since its last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const ms = now - last;
    last = now;
    return ms;
  };
}

type Timed = Pick<Measurement, "wall" | "deviceStep" | "deviceOptimizer" | "restored">;

async function timeSteps(
  subject: Subject,
  { reps, history, optimizer: name }: MeasureRequest,
): Promise<Timed> {
  if (reps === 0) return { wall: undefined, deviceStep: undefined, deviceOptimizer: undefined, restored: 0 };
  const { context, objective, optimizer, pictures } = subject;
  let stepsBefore = 1;
  if (name === "lbfgs") {
    await fillHistory(context, objective, optimizer, pictures.start, stepsBefore, history);
    stepsBefore += history;
  }
  const timed = new TimedOptimizer(context, optimizer, stepsBefore, WARM_UP + reps);
  const steps = await runSteps(subject, timed, WARM_UP + reps);
  const wall = steps.slice(WARM_UP).map(({ at }, i) => at - steps[WARM_UP + i - 1]!.at);
  const times = (await timed.times()).slice(WARM_UP - 1);
  return {
    wall: spreadOf(wall),
    deviceStep: spreadOf(times.map(({ objective, optimizer }) => objective + optimizer)),
    deviceOptimizer: spreadOf(times.map(({ optimizer }) => optimizer)),
    restored: steps.filter(({ losses }) => losses.restored).length,
  };
}

/** Of the gradient at the start; the picture and the state are as new afterwards. */
async function gradientNormOf({ context, objective, pictures }: Subject): Promise<number> {
  resetObjective(context, objective, pictures.start);
  await objective.program.run();
  const gradient = await context.readFloats(objective.gradient, pictures.start.data.length);
  resetObjective(context, objective, pictures.start);
  return Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
}

export function adapterReport(
  { adapterName: name, device: gpu, family }: GpuContext,
  precision: Precision,
): AdapterReport {
  const { description: driver, vendor, architecture, device } = gpu.adapterInfo;
  return { name, driver, vendor, architecture, device, family, precision };
}

function changedSince(environment: NodeJS.ProcessEnv): Record<string, string> {
  const changed = Object.entries(process.env).filter(([key, value]) => environment[key] !== value);
  return Object.fromEntries(changed) as Record<string, string>;
}

/** The most memory this process ever had resident. */
export function peakProcessBytes(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)![1]);
  } catch {
    return 1024 * process.resourceUsage().maxRSS;
  }
}
