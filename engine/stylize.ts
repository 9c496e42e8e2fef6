/** Style transfer by optimisation: the whole job. */
import { type Checkpoint, checkCheckpoint } from "./checkpoint.ts";
import { type CompileAhead, compileAhead, type FirstScale } from "./compile-ahead.ts";
import { StylizeError } from "./errors.ts";
import type { Arena } from "./gpu/arena.ts";
import type { GpuContext } from "./gpu/context.ts";
import { type Precision, pairPrecision, precisionOn } from "./gpu/precision.ts";
import {
  contentTargets,
  type LossWeights,
  lossLayers,
  recordObjective,
  styleTargets,
  type Term,
  termsOf,
} from "./losses/objective.ts";
import type { RecordedLosses } from "./losses/record.ts";
import { loadModel, type Model } from "./network/model.ts";
import type { Network, Pooling } from "./network/types.ts";
import { noisePicture } from "./noise.ts";
import { onWhite, withoutOpacity, withSpreadColours } from "./opacity.ts";
import { familyOn } from "./ops/families.ts";
import { adam } from "./optimizers/adam.ts";
import { carryTo } from "./optimizers/carry.ts";
import { lbfgs } from "./optimizers/lbfgs.ts";
import type { CreateOptimizer, OptimizerCarry } from "./optimizers/optimizer.ts";
import { parseSettings, type Settings, type SettingsInput } from "./options.ts";
import { fitSize, MIN_SIDE, planScales, type ScalePlan, type Size } from "./pyramid.ts";
import { resample } from "./resample.ts";
import { runScale, type ScaleRun } from "./scale.ts";
import type { Iterate, Picture } from "./types.ts";

export interface StylizeOptions extends SettingsInput {
  readonly context: GpuContext;
  readonly network: Network;
  /** Colours that its opacity hides are not looked at; the result has none, and may be given the content's. */
  readonly content: Picture;
  /** One or more; their Gram matrices are averaged. Where they are transparent, they are looked at on white. */
  readonly styles: readonly Picture[];
  /** The picture to start from when `init` is "file"; any size, resampled to the first scale. */
  readonly start?: Picture | undefined;
  /** Where a run with otherwise the same options was stopped: this one does the steps that were left. */
  readonly resume?: Checkpoint | undefined;
  /** Stops the run after the present step; `stylize` then resolves with what there is and `aborted: true`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each step, in order. `picture` reads the best picture of the scale so far, which may be a few steps ahead. */
  readonly onIterate?: (iterate: Iterate, picture: () => Promise<Picture>) => void | Promise<void>;
}

export interface StylizeResult {
  /** The picture with the least loss at the last scale reached. */
  readonly picture: Picture;
  readonly aborted: boolean;
  /** The last step's record, `picture` belongs to its scale; undefined if the run was stopped before its first. */
  readonly last: Iterate | undefined;
}

/**
 * Paints `content` in the manner of `styles`: minimises content, style and total variation losses over its pixels, scale by scale.
 *
 * The same options on the same adapter give the same picture, bit for bit.
 * Source: Gatys, Ecker and Bethge (2016); relative losses as in losses/objective.ts.
 *
 * @throws StylizeError; after a failure midway its `picture` is the last good one.
 */
export async function stylize(options: StylizeOptions): Promise<StylizeResult> {
  const { context, start, resume, signal } = options;
  const plan = planJob(options);
  const { settings, scales } = plan;
  const ahead = compileAhead(context, firstScale(plan, resume), signal);
  try {
    using weights = context.arena("weights");
    const job = await loadJob(plan, weights);
    let state: Progress = {
      picture: resume?.picture ?? firstPicture(settings, scales[0]!, plan.content, start),
      last: undefined,
      carry: undefined,
    };
    for (let scale = resume?.scale ?? 0; scale < scales.length; scale++) {
      const done = scale === resume?.scale ? resume.step : 0;
      if (signal?.aborted) break;
      if (done < scales[scale]!.steps) state = await stylizeScale(job, ahead, scale, done, state);
    }
    return { picture: state.picture, aborted: signal?.aborted ?? false, last: state.last };
  } finally {
    await ahead.stop();
  }
}

/** Options that were checked. */
interface Plan extends Pick<StylizeOptions, "context" | "network" | "content" | "styles" | "signal"> {
  readonly onIterate: StylizeOptions["onIterate"] | undefined;
  readonly precision: Precision;
  readonly pooling: Pooling;
  readonly terms: readonly Term[];
  readonly settings: Settings;
  readonly scales: readonly ScalePlan[];
}

/** Checks `options`. Throws StylizeError. */
export function planJob(options: StylizeOptions): Plan {
  const { context, network, content, styles, start, resume, signal, onIterate, ...input } = options;
  const settings = parseSettings(input);
  checkPictures(settings, content, styles, start);
  const scales = planScales(content, settings);
  if (resume) checkCheckpoint(resume, scales);
  const precision = precisionOn(context, settings.precision);
  checkMemory(context, precision, scales.at(-1)!);
  const terms = termsOf(lossWeights(settings, network));
  const pooling = settings.pooling ?? network.defaults.pooling;
  return {
    context,
    network,
    content: withSpreadColours(content),
    styles: styles.map(onWhite),
    signal,
    onIterate,
    precision,
    pooling,
    terms,
    settings,
    scales,
  };
}

/** The same, and the network on the device. */
export interface Job extends Plan {
  readonly model: Model;
}

/** Loads the network into `weights`. */
export async function loadJob(plan: Plan, weights: Arena): Promise<Job> {
  const { context, network, pooling, terms, precision } = plan;
  const model = await context.guarded(() =>
    loadModel(context, weights, network, pooling, [...lossLayers(terms)], precision),
  );
  return { ...plan, model };
}

function firstScale(
  { network, pooling, terms, settings, styles, scales }: Plan,
  resume?: Checkpoint,
): FirstScale {
  const { steps, ...size } = scales[resume?.scale ?? 0]!;
  return {
    preprocessing: network.preprocessing,
    pooling,
    terms,
    size,
    styles: styles.map((style) => styleSizeAt(style, size, settings)),
    optimizer: optimizerOf(settings, steps - (resume?.step ?? 0)),
  };
}

/** What goes from scale to scale. */
interface Progress {
  readonly picture: Picture;
  readonly last: Iterate | undefined;
  readonly carry: OptimizerCarry | undefined;
}

/** Does the steps of a scale behind the first `done`. */
async function stylizeScale(
  job: Job,
  ahead: CompileAhead,
  scale: number,
  done: number,
  before: Progress,
): Promise<Progress> {
  const { context, signal } = job;
  const { steps, ...size } = job.scales[scale]!;
  let kept = before.picture;
  let last = before.last;
  await using arena = context.arena(`scale ${scale + 1}`); // the last to go: it waits for the other's memory, too
  using memory = context.arena(`optimizer at scale ${scale + 1}`);
  try {
    const pictures = picturesAt(job, size, before.picture);
    const run: ScaleRun = {
      ...(await prepareScale(job, { arena, memory }, pictures, steps - done, before.carry)),
      signal,
      keep: (picture) => {
        kept = picture;
      },
      onStep: async (step, losses, ms, picture) => {
        void ahead.stop(); // all kernels have run
        last = iterateOf(job, scale, done + step, losses, ms);
        await job.onIterate?.(last, picture);
      },
    };
    const picture = await runScale(run);
    if (last === before.last) return before;
    const next = signal?.aborted ? undefined : job.scales[scale + 1];
    const carry = next && carryTo(await run.optimizer.carry(), size, next);
    return { picture, last, carry };
  } catch (error) {
    throw withPicture(error, kept);
  }
}

/** Those of one scale, each at the size at which it is looked at there. */
interface ScalePictures {
  readonly content: Picture;
  readonly styles: readonly Picture[];
  readonly start: Picture;
}

/** Where a scale's objective and the optimiser's memory are allocated. */
interface ScaleArenas {
  readonly arena: Arena;
  readonly memory: Arena;
}

type Prepared = Omit<ScaleRun, "signal" | "keep" | "onStep">;

/** Targets, objective and optimiser of a scale. */
export async function prepareScale(
  { context, model, terms, settings }: Job,
  { arena, memory }: ScaleArenas,
  { content, styles, start }: ScalePictures,
  steps: number,
  carried: OptimizerCarry | undefined,
): Promise<Prepared> {
  const targets = {
    style: await styleTargets(context, model, styles, lossLayers(terms, "style")),
    content: await contentTargets(context, model, content, lossLayers(terms, "content")),
  };
  const { width, height, data } = start;
  return context.guarded(() => {
    const objective = recordObjective(context, arena, model, start, terms, targets);
    const previous = arena.bufferWith("previous picture", data);
    const { image, gradient, state } = objective;
    const problem = { count: data.length, image, gradient, previous, state };
    const optimizer = optimizerOf(settings, steps)(context, memory, problem, carried);
    return { context, arena, size: { width, height }, objective, optimizer, steps };
  });
}

function optimizerOf(settings: Settings, maxSteps: number): CreateOptimizer {
  const { optimizer, learningRate, history, precision } = settings;
  if (optimizer === "adam") return adam({ learningRate: learningRate ?? 0.02 });
  return lbfgs({ learningRate: learningRate ?? 1, history, maxSteps, precision: pairPrecision(precision) });
}

function picturesAt({ content, styles, settings }: Job, size: Size, before: Picture): ScalePictures {
  const at = (picture: Picture, { width, height }: Size) => resample(picture, width, height);
  return {
    content: at(content, size),
    styles: styles.map((style) => at(style, styleSizeAt(style, size, settings))),
    start: at(before, size),
  };
}

/** The style's long side is `styleSize` times that of the result, but no side falls below what the network takes. */
export function styleSizeAt(style: Size, size: Size, { styleSize }: Settings): Size {
  const longSide = Math.round(styleSize * Math.max(size.width, size.height));
  const { width, height } = fitSize(style, longSide);
  const enlarge = Math.max(1, MIN_SIDE / Math.min(width, height));
  return { width: Math.ceil(width * enlarge), height: Math.ceil(height * enlarge) };
}

function firstPicture(settings: Settings, size: Size, content: Picture, start: Picture | undefined): Picture {
  if (settings.init === "noise") return noisePicture(size, settings.seed);
  const picture = settings.init === "file" ? withSpreadColours(start!) : content;
  return withoutOpacity(resample(picture, size.width, size.height));
}

function lossWeights(settings: Settings, { defaults }: Network): LossWeights {
  return {
    contentLayers: defaults.contentLayers,
    styleLayers: defaults.styleLayers,
    contentWeight: settings.contentWeight ?? defaults.contentWeight,
    styleWeight: settings.styleWeight ?? defaults.styleWeight,
    tvWeight: settings.tvWeight ?? defaults.tvWeight,
  };
}

function iterateOf(job: Job, scale: number, step: number, losses: RecordedLosses, ms: number): Iterate {
  const steps = job.scales.map((plan) => plan.steps);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const values = (kind: Term["kind"]) =>
    job.terms.flatMap((term, i) => (term.kind === kind ? [[term, losses.terms[i]!] as const] : []));
  return {
    scale,
    scales: steps.length,
    ...job.scales[scale]!,
    step: step + 1,
    totalStep: sum(steps.slice(0, scale)) + step + 1,
    totalSteps: sum(steps),
    loss: losses.total,
    content: sum(values("content").map(([, value]) => value)),
    style: Object.fromEntries(
      values("style").map(([term, value]) => [term.kind === "style" && term.layer, value]),
    ),
    tv: sum(values("tv").map(([, value]) => value)),
    ms,
    gpuBytes: job.context.liveBytes,
    restored: losses.restored,
  };
}

function checkPictures(
  settings: Settings,
  content: Picture,
  styles: readonly Picture[],
  start: Picture | undefined,
): void {
  if (styles.length === 0)
    throw new StylizeError("bad-option", "Expected one or more style pictures but received none.");
  if ((settings.init === "file") !== (start !== undefined)) {
    throw new StylizeError("bad-option", "Expected a start picture exactly when init is 'file'.");
  }
  for (const { width, height, data, opacity } of [content, ...styles, ...(start ? [start] : [])]) {
    checkLength(data, 3, width, height);
    if (opacity) checkLength(opacity, 1, width, height);
  }
}

function checkLength({ length }: Float32Array, planes: number, width: number, height: number): void {
  if (length === planes * width * height) return;
  const message = `Expected ${planes} x ${height} x ${width} values but received ${length}.`;
  throw new StylizeError("bad-picture", message);
}

/** What can be known to fail for lack of memory fails before anything is computed. */
function checkMemory(context: GpuContext, precision: Precision, size: Size): void {
  const limit = context.maxBufferBytes;
  const needed = familyOn(context, precision).largestBuffer(size);
  if (needed <= limit) return;
  const longSide = Math.max(size.width, size.height);
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new StylizeError(
    "out-of-memory",
    `Expected buffers of at most ${mib(limit)} on ${context.adapterName} but ${size.width}x${size.height} pixels need one of ` +
      `${mib(needed)}; choose --size ${Math.floor(longSide * Math.sqrt(limit / needed) * 0.99)} or smaller.`,
  );
}

/** The error with the last good picture attached: what was made is not lost. */
function withPicture(error: unknown, picture: Picture): StylizeError {
  if (error instanceof StylizeError) {
    return new StylizeError(error.code, error.message, {
      cause: error.cause,
      picture: error.picture ?? picture,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new StylizeError("gpu-error", message, { cause: error, picture });
}
