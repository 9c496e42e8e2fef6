/**
 * A dry run, which is recorded as ever on a context that only counts: which kernels a run takes, and what it allocates.
 *
 * Nothing says these beside the code that does the work, so nothing can say otherwise.
 */
import type { Arena } from "./gpu/arena.ts";
import { CountingContext } from "./gpu/counting-context.ts";
import type { Kernel } from "./gpu/kernel.ts";
import {
  checkJob,
  type Job,
  type LoadedJob,
  loadJob,
  prepareScale,
  type StylizeOptions,
  styleSizeAt,
} from "./job.ts";
import { readKnown } from "./kernel-tuning.ts";
import type { Picture, Size } from "./picture.ts";
import type { ScalePlan } from "./pyramid.ts";
import { runScale } from "./scale.ts";

/** A scale and its device memory, in bytes. The first four together are taken as long as it steps. */
export interface ScaleMemory extends ScalePlan {
  /** Pixels of each style as it is looked at there. */
  readonly styles: readonly Size[];
  readonly weightsBytes: number;
  /** Pictures, maps and masks, targets, scratch. */
  readonly mapsBytes: number;
  /** What the optimiser remembers, and its scratch. */
  readonly optimizerBytes: number;
  /** What the host reads through. */
  readonly copiesBytes: number;
  /** The most at a time; more than those four where a style's targets take more. */
  readonly peakBytes: number;
}

export interface RunMemory {
  /** Those that have steps to do. */
  readonly scales: readonly ScaleMemory[];
  /** The most at a time in the whole run, which may be while the network is loaded. */
  readonly peakBytes: number;
}

/**
 * Counts what `stylize` with these options would allocate, to the byte, in a second or so. Nothing is allocated,
 * computed or called.
 *
 * @throws StylizeError that `stylize` would throw before its first step, at any scale.
 *
 * @example
 * ```ts
 * import { dryRun, type StylizeOptions } from "stylize";
 *
 * export async function fits(options: StylizeOptions, bytes: number): Promise<boolean> {
 *   const { peakBytes } = await dryRun(options);
 *   return peakBytes <= bytes;
 * }
 * ```
 */
export async function dryRun(options: StylizeOptions): Promise<RunMemory> {
  const scales: ScaleMemory[] = [];
  let most = 0;
  const job = checkJob(options);
  if (options.tuning) await readKnown(options.context, options.tuning);
  for await (const { scale, peakBytes } of partsOf(job)) {
    if (scale) scales.push(scale);
    most = Math.max(most, peakBytes);
  }
  return { scales, peakBytes: most };
}

/** @internal A part of a run. */
export interface RunPart {
  /** Undefined: the loading of the network, which comes first. */
  readonly scale: ScaleMemory | undefined;
  /** The most bytes on the device at a time. */
  readonly peakBytes: number;
  /** Those that no earlier part takes, in the order of need. */
  readonly kernels: readonly Kernel[];
}

/**
 * @internal Goes through what is left of a run, a part at a time. Nothing is allocated on its device, computed or
 * called.
 *
 * @throws StylizeError that the run would throw before a scale's first step.
 */
export async function* partsOf(job: Job): AsyncGenerator<RunPart> {
  const context = new CountingContext(job.context);
  using weights = context.arena("weights");
  const loaded = await loadJob({ ...job, context }, weights);
  yield { scale: undefined, peakBytes: context.peakBytes, kernels: context.kernels };
  for (const { scale, done } of job.left) {
    const before = context.kernels.length;
    const memory = await dryScale(loaded, context, weights, scale, done);
    yield { scale: memory, peakBytes: memory.peakBytes, kernels: context.kernels.slice(before) };
  }
}

/**
 * @internal The kernels of each scale that no earlier one takes, in the order of need; not those that load the
 * network.
 */
export async function* kernelsOf(job: Job): AsyncGenerator<readonly Kernel[]> {
  for await (const { scale, kernels } of partsOf(job)) if (scale) yield kernels;
}

async function dryScale(
  job: LoadedJob,
  context: CountingContext,
  weights: Arena,
  index: number,
  done: number,
): Promise<ScaleMemory> {
  const { steps, ...size } = job.scales[index]!;
  using arena = context.arena("scale");
  using memory = context.arena("optimizer");
  const styles = job.options.styles.map((style) => styleSizeAt(style, size, job.settings));
  const pictures = { content: hollow(size), styles: styles.map(hollow), start: hollow(size) };
  context.resetPeak();
  const prepared = await prepareScale(job, { arena, memory }, pictures, steps - done, undefined);
  const preparing = context.peakBytes;
  const recorded = context.liveBytes;
  const parts = { weightsBytes: weights.bytes, mapsBytes: arena.bytes, optimizerBytes: memory.bytes };
  context.resetPeak();
  // No step, but all that steps need.
  await runScale({ ...prepared, signal: AbortSignal.abort(), onStep() {}, keep() {} });
  if (index < job.scales.length - 1) await prepared.optimizer.carry();
  const copiesBytes = context.peakBytes - recorded;
  const peakBytes = Math.max(preparing, context.peakBytes);
  return { ...size, steps: steps - done, styles, ...parts, copiesBytes, peakBytes };
}

/** A picture that takes no memory as long as nobody writes to it. */
function hollow({ width, height }: Size): Picture {
  return { width, height, data: new Float32Array(3 * width * height) };
}
