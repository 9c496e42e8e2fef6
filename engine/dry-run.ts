/** What a run would allocate: it is recorded as ever, on a context that only counts. */
import type { Arena } from "./gpu/arena.ts";
import { CountingContext } from "./gpu/counting-context.ts";
import type { ScalePlan, Size } from "./pyramid.ts";
import { runScale } from "./scale.ts";
import { type Job, loadJob, planJob, prepareScale, type StylizeOptions, styleSizeAt } from "./stylize.ts";
import type { Picture } from "./types.ts";

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
  readonly scales: readonly ScaleMemory[];
  /** The most at a time in the whole run, which may be while the network is loaded. */
  readonly peakBytes: number;
}

/**
 * Counts what `stylize` with these options would allocate, to the byte, in a second or so. Nothing is allocated, computed or called.
 *
 * @throws StylizeError that `stylize` would throw before its first step, at any scale.
 */
export async function dryRun(options: Omit<StylizeOptions, "resume">): Promise<RunMemory> {
  const context = new CountingContext(options.context);
  using weights = context.arena("weights");
  const job = await loadJob(planJob({ ...options, context }), weights);
  const loading = context.peakBytes;
  const scales: ScaleMemory[] = [];
  for (const plan of job.scales) scales.push(await countScale(job, context, weights, plan));
  return { scales, peakBytes: Math.max(loading, ...scales.map(({ peakBytes }) => peakBytes)) };
}

async function countScale(
  job: Job,
  context: CountingContext,
  weights: Arena,
  plan: ScalePlan,
): Promise<ScaleMemory> {
  const { steps, ...size } = plan;
  using arena = context.arena("scale");
  using memory = context.arena("optimizer");
  const styles = job.styles.map((style) => styleSizeAt(style, size, job.settings));
  const pictures = { content: hollow(size), styles: styles.map(hollow), start: hollow(size) };
  context.resetPeak();
  const prepared = await prepareScale(job, { arena, memory }, pictures, steps, undefined);
  const preparing = context.peakBytes;
  const recorded = context.liveBytes;
  const parts = { weightsBytes: weights.bytes, mapsBytes: arena.bytes, optimizerBytes: memory.bytes };
  context.resetPeak();
  await runScale({ ...prepared, signal: AbortSignal.abort(), onStep() {}, keep() {} }); // no step, but all that steps need
  if (plan !== job.scales.at(-1)) await prepared.optimizer.carry();
  const copiesBytes = context.peakBytes - recorded;
  return { ...size, steps, styles, ...parts, copiesBytes, peakBytes: Math.max(preparing, context.peakBytes) };
}

/** A picture that takes no memory as long as nobody writes to it. */
function hollow({ width, height }: Size): Picture {
  return { width, height, data: new Float32Array(3 * width * height) };
}
