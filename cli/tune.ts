/** `stylize tune`: times the variants of kernels on an adapter and keeps the fastest. */
import { precisionOn } from "../engine/gpu/precision.ts";
import { openContext } from "../engine/node.ts";
import { type Tuned, tune } from "../engine/ops/gpu/tune.ts";
import { parseSettings } from "../engine/options.ts";
import { planScales } from "../engine/pyramid.ts";
import { loadDefaultNetwork } from "../weights/index.ts";
import { INTERRUPTED, type Io, onInterrupt } from "./io.ts";
import { readNamed } from "./network.ts";
import type { TuneArguments } from "./tune-arguments.ts";
import { problemsOfScales, TuningFile } from "./tuning.ts";

/** For tests. */
export interface TuneOverrides {
  /** Tunes on a software adapter, too, with the gpu family's kernels. */
  readonly onSoftware?: boolean;
  readonly budgetMs?: number;
}

/** Returns the exit status: 0, or 130 when it was stopped from outside; what was found by then is kept. */
export async function tuneCommand(
  { sizes, precision: wanted, weights, device, cache, json }: TuneArguments,
  io: Io,
  { onSoftware = false, ...budget }: TuneOverrides = {},
): Promise<number> {
  const named = await readNamed({ weights, cache, preprocessing: undefined }, io.env);
  using context = await openContext({
    ...(device === undefined ? {} : { adapter: device }),
    ...(onSoftware ? { family: "gpu" } : {}),
  });
  const tell = (record: object, sentence: string) =>
    json ? io.stdout.write(`${JSON.stringify(record)}\n`) : io.stderr.write(`${sentence}\n`);
  if (context.isSoftware && !onSoftware) {
    const text = `${context.adapterName} is a processor and not a GPU: there is nothing to tune for it.`;
    tell({ event: "note", text }, text);
    return 0;
  }
  const { layers } =
    named ?? (await loadDefaultNetwork({ cache, env: io.env, isSoftware: context.isSoftware }));
  const scales = sizes.flatMap((size) => planScales({ width: size, height: size }, parseSettings({ size })));
  const problems = problemsOfScales(layers, scales, precisionOn(context, wanted));
  const controller = new AbortController();
  const release = onInterrupt(io, () => controller.abort());
  try {
    if (!json) io.stdout.write(row("shape", "fastest", "ms", "usual ms"));
    const onTuned = (tuned: Tuned) =>
      io.stdout.write(json ? `${JSON.stringify({ event: "tuned", ...tuned })}\n` : describe(tuned));
    const found = await tune(context, problems, { ...budget, signal: controller.signal, onTuned });
    const file = new TuningFile(context, io.env, cache);
    await file.add(new Map(found.map(({ key, variant }) => [key, variant])));
    const left = problems.length - found.length;
    const rest =
      left > 0 ? ` ${left} of ${problems.length} shapes were not reached and keep their usual kernels.` : "";
    tell({ event: "saved", path: file.path, left }, `Kept in '${file.path}'.${rest}`);
    return controller.signal.aborted ? INTERRUPTED : 0;
  } finally {
    release();
  }
}

const describe = ({ key, variant, ms, defaultMs }: Tuned): string =>
  row(key, variant, ms.toFixed(3), defaultMs.toFixed(3));

const row = (shape: string, variant: string, ms: string, usual: string): string =>
  `${shape.padEnd(32)}  ${variant.padEnd(22)}  ${ms.padStart(9)}  ${usual.padStart(9)}\n`;
