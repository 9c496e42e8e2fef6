/** A job: its options, checked; its network, loaded; and what a scale of it needs, ready to run. */
import { type Checkpoint, checkCheckpoint, type ScaleLeft, scalesLeft } from "./checkpoint.ts";
import { StylizeError } from "./errors.ts";
import type { Arena } from "./gpu/arena.ts";
import type { GpuContext } from "./gpu/context.ts";
import { type Precision, pairPrecision, precisionOn } from "./gpu/precision.ts";
import type { Iterate } from "./iterate.ts";
import {
  contentTargets,
  type LossWeights,
  lossLayers,
  lossTerms,
  recordObjective,
  styleTargets,
  type Term,
  termsOf,
} from "./losses/objective.ts";
import { loadModel, type Model } from "./model.ts";
import type { ConvLayer } from "./network/layers.ts";
import { checkNetwork, layersFor } from "./network/layers-for.ts";
import type { Network, Pooling } from "./network/types.ts";
import { mib } from "./numbers.ts";
import { onWhite, withSpreadColours } from "./opacity.ts";
import { familyOn } from "./ops/index.ts";
import { adam } from "./optimizers/adam.ts";
import { lbfgs } from "./optimizers/lbfgs.ts";
import type { CreateOptimizer, OptimizerCarry } from "./optimizers/optimizer.ts";
import { parseSettings, type Settings, type SettingsInput } from "./options.ts";
import type { Picture, Size } from "./picture.ts";
import { fitSize, MIN_SIDE, planScales, type ScalePlan } from "./pyramid.ts";
import { resample } from "./resample.ts";
import type { ScaleRun } from "./scale.ts";
import type { TuningStore } from "./tuning-store.ts";

export interface StylizeOptions extends SettingsInput {
  readonly context: GpuContext;
  readonly network: Network;
  /** Colours that its opacity hides are not looked at. The result has no opacity and may be given the content's. */
  readonly content: Picture;
  /** One or more, whose Gram matrices are averaged. Transparent ones are looked at on white. */
  readonly styles: readonly Picture[];
  /** The picture to start from when `init` is "file"; any size, resampled to the first scale. */
  readonly start?: Picture | undefined;
  /** Where an earlier run with otherwise the same options was stopped. This one does the steps that are left. */
  readonly resume?: Checkpoint | undefined;
  /** Stops the run after the present step; `stylize` then resolves with what there is and `aborted: true`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each step, in order. `picture` reads the best of the scale so far, which may be a few steps ahead. */
  readonly onIterate?: (iterate: Iterate, picture: () => Promise<Picture>) => void | Promise<void>;
  /**
   * Where what is found out about a GPU's kernels is kept for later runs; kept by the context alone where it is absent.
   * False: nothing is tried out, and plain kernels are used.
   */
  readonly tuning?: TuningStore | false | undefined;
  /** Called with sentences for whoever waits for the picture. The run goes on. */
  readonly onNote?: ((sentence: string) => void) | undefined;
}

/** @internal A run whose options were checked. */
export interface Job {
  /** Their pictures show nothing that opacity hides. */
  readonly options: StylizeOptions;
  readonly context: GpuContext;
  readonly precision: Precision;
  readonly pooling: Pooling;
  readonly terms: readonly Term[];
  readonly settings: Settings;
  readonly scales: readonly ScalePlan[];
  /** Those of `scales` that have steps to do, in order. */
  readonly left: readonly ScaleLeft[];
}

/** @internal Checks `options`. Throws StylizeError. */
export function checkJob(options: StylizeOptions): Job {
  const { context, network, content, styles, start, resume, signal, tuning, onIterate, onNote, ...input } =
    options;
  const settings = parseSettings(input);
  checkNetwork(network);
  checkPictures(settings, content, styles, start);
  const scales = planScales(content, settings);
  if (resume) checkCheckpoint(resume, scales);
  const precision = precisionOn(context, settings.precision);
  const terms = termsOf(lossWeights(settings, network));
  const layers = layersFor(network, lossLayers(terms));
  checkMemory(context, precision, layers, scales.at(-1)!, styles, settings);
  const pooling = settings.pooling ?? network.defaults.pooling;
  const left = scalesLeft(scales, resume);
  const seen: StylizeOptions = {
    ...options,
    content: withSpreadColours(content),
    styles: styles.map(onWhite),
    start: start && withSpreadColours(start),
  };
  return { options: seen, context, precision, pooling, terms, settings, scales, left };
}

/** @internal The same, and the network on the device. */
export interface LoadedJob extends Job {
  readonly model: Model;
}

/** @internal Loads the network into `weights`. */
export async function loadJob(job: Job, weights: Arena): Promise<LoadedJob> {
  const { options, context, pooling, terms, precision } = job;
  const model = await context.guarded(() =>
    loadModel(context, weights, options.network, pooling, [...lossLayers(terms)], precision),
  );
  return { ...job, model };
}

/** @internal Those of one scale, each at the size at which it is looked at there. */
export interface ScalePictures {
  readonly content: Picture;
  readonly styles: readonly Picture[];
  readonly start: Picture;
}

/** @internal Where a scale's objective and the optimiser's memory are allocated. */
export interface ScaleArenas {
  readonly arena: Arena;
  readonly memory: Arena;
}

type Prepared = Omit<ScaleRun, "signal" | "keep" | "onStep">;

/** @internal Targets, objective and optimiser of a scale. */
export async function prepareScale(
  { options, context, model, terms, settings }: LoadedJob,
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
    if (objective.dropped.length === lossTerms(terms).length) throw deadNetwork(options.network, terms);
    const previous = arena.bufferWith("previous picture", data);
    const { image, gradient, state } = objective;
    const buffers = { count: data.length, image, gradient, previous, state };
    const optimizer = optimizerOf(settings, steps)(context, memory, buffers, carried);
    return { context, arena, size: { width, height }, objective, optimizer, steps };
  });
}

function deadNetwork({ name }: Network, terms: readonly Term[]): StylizeError {
  const layers = [...lossLayers(terms)].join(", ");
  return new StylizeError(
    "bad-weights",
    `Expected features of the pictures at one layer with a loss at least but ${name} gives zeros at all (${layers}).`,
  );
}

function optimizerOf(settings: Settings, maxSteps: number): CreateOptimizer {
  const { optimizer, learningRate, history, precision } = settings;
  if (optimizer === "adam") return adam({ learningRate: learningRate ?? 0.02 });
  return lbfgs({ learningRate: learningRate ?? 1, history, maxSteps, precision: pairPrecision(precision) });
}

/** @internal */
export function picturesAt({ options, settings }: Job, size: Size, before: Picture): ScalePictures {
  const { content, styles } = options;
  const at = (picture: Picture, { width, height }: Size) => resample(picture, width, height);
  return {
    content: at(content, size),
    styles: styles.map((style) => at(style, styleSizeAt(style, size, settings))),
    start: at(before, size),
  };
}

/**
 * @internal The style's long side is `styleSize` times that of the result, but no side falls below what the network
 * takes.
 */
export function styleSizeAt(style: Size, size: Size, { styleSize }: Settings): Size {
  const longSide = Math.round(styleSize * Math.max(size.width, size.height));
  const { width, height } = fitSize(style, longSide);
  const enlarge = Math.max(1, MIN_SIDE / Math.min(width, height));
  return { width: Math.ceil(width * enlarge), height: Math.ceil(height * enlarge) };
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
function checkMemory(
  context: GpuContext,
  precision: Precision,
  layers: readonly ConvLayer[],
  size: Size,
  styles: readonly Size[],
  settings: Settings,
): void {
  const limit = context.maxBufferBytes;
  const family = familyOn(context, precision);
  const check = (what: string, picture: Size, instead: (factor: number) => string) => {
    const needed = family.largestBuffer(layers, picture);
    if (needed <= limit) return;
    throw new StylizeError(
      "out-of-memory",
      `Expected buffers of at most ${mib(limit)} on ${context.adapterName} ` +
        `but ${what}${picture.width}x${picture.height} pixels need one of ${mib(needed)}; ` +
        `choose ${instead(0.99 * Math.sqrt(limit / needed))} or smaller.`,
    );
  };
  const longSide = Math.max(size.width, size.height);
  check("", size, (factor) => `--size ${Math.floor(longSide * factor)}`);
  for (const [i, style] of styles.entries()) {
    const instead = (factor: number) =>
      `--style-size ${(Math.floor(100 * settings.styleSize * factor) / 100).toFixed(2)}`;
    check(`style ${i + 1} at `, styleSizeAt(style, size, settings), instead);
  }
}
