/**
 * What a stylization minimises at one scale: the terms, their targets, and the recorded evaluation of loss and
 * gradient.
 */

import { StylizeError } from "../errors.ts";
import type { Arena } from "../gpu/arena.ts";
import type { GpuContext } from "../gpu/context.ts";
import { linearGrid, Program } from "../gpu/program.ts";
import { layerAt, type Model, operationsOptions, recordBackward, recordForward } from "../model.ts";
import type { ReluName } from "../network/layers.ts";
import { type Activation, type LayerLosses, LOSS_PARTIALS, type Operations } from "../ops/index.ts";
import type { Picture, Size } from "../picture.ts";
import { gradientScale, type ScaledTerm } from "./gradient-scale.ts";
import { createRing, RECORD_TERMS, recordLosses, STATE_BYTES } from "./record.ts";
import { recordTotalVariation } from "./total-variation.ts";

type LayerWeightsTable = Readonly<Partial<Record<ReluName, number>>>;

/** Weights of all terms. A layer or term with weight 0 is left out. */
export interface LossWeights {
  readonly contentLayers: LayerWeightsTable;
  readonly styleLayers: LayerWeightsTable;
  readonly contentWeight: number;
  readonly styleWeight: number;
  readonly tvWeight: number;
}

/** One term of the loss, in the order of the device's records. */
export type Term =
  | { readonly kind: "content" | "style"; readonly layer: ReluName; readonly weight: number }
  | { readonly kind: "tv"; readonly weight: number };

/**
 * The terms that count: content layers, style layers, total variation. Throws `bad-option` if there are none or too
 * many.
 */
export function termsOf(weights: LossWeights): readonly Term[] {
  const layers = (kind: "content" | "style", table: LayerWeightsTable, factor: number): Term[] =>
    Object.entries(table as Readonly<Record<ReluName, number>>)
      .map(([layer, weight]) => ({ kind, layer: layer as ReluName, weight: weight * factor }))
      .filter(({ weight }) => weight > 0);
  const content = layers("content", weights.contentLayers, weights.contentWeight);
  const style = layers("style", weights.styleLayers, weights.styleWeight);
  if (content.length + style.length === 0) {
    throw new StylizeError("bad-option", "Expected a content or style weight above 0 but all are 0.");
  }
  const tv: Term[] = weights.tvWeight > 0 ? [{ kind: "tv", weight: weights.tvWeight }] : [];
  const terms = [...content, ...style, ...tv];
  if (terms.length > RECORD_TERMS) {
    throw new StylizeError(
      "bad-option",
      `Expected at most ${RECORD_TERMS} loss terms but received ${terms.length}.`,
    );
  }
  return terms;
}

/** The terms on layers: all but total variation. */
export const lossTerms = (terms: readonly Term[]) => terms.filter((term) => term.kind !== "tv");

/** The layers that `terms` look at. */
export function lossLayers(terms: readonly Term[], kind?: "content" | "style"): ReadonlySet<ReluName> {
  const chosen = lossTerms(terms).filter((term) => kind === undefined || term.kind === kind);
  return new Set(chosen.map(({ layer }) => layer));
}

/** How people call a term. */
export const lossName = (term: Term): string =>
  term.kind === "tv" ? "total variation" : `${term.kind} loss on ${term.layer}`;

/** Feature statistics to aim at: values on the host, as the family lays them out. */
export type Targets = ReadonlyMap<ReluName, Float32Array>;

/** Gram matrices [channels][channels] of each layer, averaged over `styles`, each at its own size. */
export async function styleTargets(
  context: GpuContext,
  model: Model,
  styles: readonly Picture[],
  layers: ReadonlySet<ReluName>,
): Promise<Targets> {
  const mean = new Map<ReluName, Float32Array>();
  for (const style of styles) {
    const grams = await statistics(context, model, style, layers, (ops, x) => ops.gram(x));
    for (const [layer, gram] of grams) {
      const sum = mean.get(layer) ?? new Float32Array(gram.length);
      mean.set(
        layer,
        sum.map((value, i) => value + gram[i]! / styles.length),
      );
    }
  }
  return mean;
}

/** Features of each layer, flat texels. `content` has the size of the picture to be made. */
export function contentTargets(
  context: GpuContext,
  model: Model,
  content: Picture,
  layers: ReadonlySet<ReluName>,
): Promise<Targets> {
  return statistics(context, model, content, layers, (ops, x) => ops.featuresOf(x));
}

type Statistic = (ops: Operations, x: Activation) => GPUBuffer;

async function statistics(
  context: GpuContext,
  model: Model,
  picture: Picture,
  layers: ReadonlySet<ReluName>,
  statistic: Statistic,
): Promise<Targets> {
  if (layers.size === 0) return new Map();
  await using arena = context.arena("target");
  const program = new Program(context, arena);
  const buffers = await context.guarded(() => {
    const image = arena.bufferWith("picture", picture.data);
    return recordStatistics(program, arena, model, image, picture, layers, statistic);
  });
  await program.run();
  const values = new Map<ReluName, Float32Array>();
  for (const [layer, buffer] of buffers) {
    values.set(layer, await context.readFloats(buffer, buffer.size / 4));
  }
  return values;
}

/** Records `statistic` of the features of `image`, [3][height][width] f32, at each layer. */
function recordStatistics(
  program: Program,
  arena: Arena,
  model: Model,
  image: GPUBuffer,
  size: Size,
  layers: ReadonlySet<ReluName>,
  statistic: Statistic,
): (readonly [ReluName, GPUBuffer])[] {
  const ops = model.family.operations(program, arena, operationsOptions(model, size));
  const pass = recordForward(ops, model, image, layers, false);
  return [...layers].map((layer) => [layer, statistic(ops, pass.at(layer))] as const);
}

/** Of a term. Beyond it the target is as good as zero, and a loss relative to it would leave the range of f32. */
const LARGEST_SCALE = 1e30;

/** Loss and gradient of a picture of fixed size, ready to run: each run of `program` is one evaluation. */
export interface Objective {
  /** Another one after `recordAgain`. */
  readonly program: Program;
  readonly terms: readonly Term[];
  /** Those of `terms` that are left out and always 0: their target is zero, and no loss can be relative to that. */
  readonly dropped: readonly Term[];
  /** [3][height][width] f32, and the gradient of the loss there. */
  readonly image: GPUBuffer;
  readonly gradient: GPUBuffer;
  /**
   * The picture with the least loss so far, [3][height][width] f32: L-BFGS without a line search jumps now and then.
   */
  readonly best: GPUBuffer;
  /** See record.ts. */
  readonly ring: GPUBuffer;
  readonly state: GPUBuffer;
  /**
   * Frees the maps, waits for `between`, and records the same evaluation with the kernels that are best by then. No
   * work may be under way.
   */
  recordAgain(between: () => Promise<void>): Promise<void>;
}

/**
 * Records the evaluation at the size of `start`, which becomes the first image.
 *
 * Style layer: weight * |G - A|^2 / |A|^2 with G = F F^T / pixels; content layer: weight * |F - P|^2 / |P|^2; both free
 * of scale, unlike Gatys' equations 1 and 4, so that the same weights suit any size and network.
 */
export function recordObjective(
  context: GpuContext,
  arena: Arena,
  model: Model,
  start: Picture,
  terms: readonly Term[],
  targets: { readonly content: Targets; readonly style: Targets },
): Objective {
  const image = arena.bufferWith("picture", start.data);
  const gradient = arena.buffer("gradient", start.data.byteLength);
  const partials = arena.buffer("loss partials", 4 * LOSS_PARTIALS * terms.length);
  const ring = createRing(arena);
  const state = arena.buffer("state", STATE_BYTES);
  const losses = new Map<ReluName, LayerLosses>();
  const scaled: ScaledTerm[] = [];
  const dropped: Term[] = [];
  for (const [index, term] of terms.entries()) {
    if (term.kind === "tv") continue;
    const { kind, layer, weight } = term;
    const values = targets[kind].get(layer)!;
    const label = `${kind} target`;
    const target =
      kind === "content"
        ? model.family.uploadFeatures(arena, label, values)
        : arena.bufferWith(label, values);
    const norm = sumOfSquares(values);
    const isDropped = weight / norm > LARGEST_SCALE;
    if (isDropped) dropped.push(term);
    else scaled.push({ kind, layer: layerAt(model, layer), weight, norm });
    const loss = { partials, term: index, target, scale: isDropped ? 0 : weight / norm };
    losses.set(layer, { ...losses.get(layer), [kind]: loss });
  }
  const scale = model.family.precision === "f16" ? gradientScale(scaled, start) : 1;
  const best = arena.bufferWith("best picture", start.data);
  const maps = arena.part("maps");
  const record = () => {
    const program = new Program(context, maps);
    const ops = model.family.operations(program, maps, operationsOptions(model, start, scale));
    const pass = recordForward(ops, model, image, lossLayers(terms), true);
    recordBackward(ops, pass, losses, gradient);
    const tv = terms.findIndex(({ kind }) => kind === "tv");
    if (tv >= 0) {
      const { height, width } = start;
      const { weight } = terms[tv]!;
      recordTotalVariation(context, program, { image, gradient, partials, term: tv, height, width, weight });
    }
    recordLosses(context, program, { partials, terms: terms.length, ring, state });
    const vectors = Math.ceil(start.data.length / 4);
    program.dispatch(
      context.kernel("keep_best", { libs: ["linear_index", "state"] }),
      { image, state, best },
      { vectors },
      linearGrid(Math.ceil(vectors / 64)),
    );
    return program;
  };
  let program = record();
  return {
    get program() {
      return program;
    },
    async recordAgain(between) {
      maps[Symbol.dispose]();
      await context.reclaim();
      await between();
      program = await context.guarded(record);
    },
    ...{ terms, dropped, image, gradient, best, ring, state },
  };
}

function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  // By index: for...of takes thirteen times as long over a hundred million features.
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return sum;
}
