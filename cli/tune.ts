/** `stylize tune`: times the variants of kernels on an adapter and keeps the fastest, which later runs use. */

import { precisionOn } from "../engine/gpu/precision.ts";
import { KernelTuning } from "../engine/kernel-tuning.ts";
import { openContext } from "../engine/node.ts";
import { kernelsFingerprint } from "../engine/ops/gpu/known-kernels.ts";
import { distinct, problemsOf, type Tuned } from "../engine/ops/gpu/tune.ts";
import { TuningFiles } from "../weights/tuning-file.ts";
import type { TuneArguments } from "./arguments.ts";
import { INTERRUPTED, type Io, jsonLine, onInterrupt, telling } from "./io.ts";
import { chooseNetwork } from "./network.ts";

/** For tests. */
export interface TuneOverrides {
  /** Tunes on a software adapter, too, with the gpu family's kernels. */
  readonly onSoftware?: boolean;
  readonly budgetMs?: number;
}

/** Milliseconds for the shapes of one size. */
const BUDGET_MS = 3000;

/** Returns the exit status: 0, or 130 when it was stopped from outside; what was found by then is kept. */
export async function tuneCommand(
  { sizes, precision: wanted, weights, device, cache, json }: TuneArguments,
  io: Io,
  { onSoftware = false, budgetMs = BUDGET_MS * sizes.length }: TuneOverrides = {},
): Promise<number> {
  const networkFor = await chooseNetwork({ weights, cache, preprocessing: undefined }, io.env);
  using context = await openContext({
    ...(device === undefined ? {} : { adapter: device }),
    ...(onSoftware ? { family: "gpu" } : {}),
  });
  const { tell, note } = telling(json ? "json" : "people", io);
  if (context.isSoftware && !onSoftware) {
    note(`${context.adapterName} is a processor and not a GPU: there is nothing to tune for it.`);
    return 0;
  }
  const { layers } = await networkFor(context);
  const precision = precisionOn(context, wanted);
  const squares = sizes.map((size) => ({ width: size, height: size }));
  const problems = distinct(squares.flatMap((size) => problemsOf(layers, size, precision)));
  const store = new TuningFiles(io.env, cache);
  const tuning = new KernelTuning(context, { precision, store, note });
  const controller = new AbortController();
  const release = onInterrupt(io, () => controller.abort());
  try {
    await tuning.prepare();
    if (!json) io.stdout.write(row("shape", "fastest", "ms", "usual ms"));
    const onTuned = (tuned: Tuned) =>
      io.stdout.write(json ? jsonLine({ event: "tuned", ...tuned }) : describe(tuned));
    const found = await tuning.tune(problems, { budgetMs, signal: controller.signal, onTuned });
    await tuning.keep();
    const left = problems.length - found.length;
    const rest =
      left > 0 ? ` ${left} of ${problems.length} shapes were not reached and keep their usual kernels.` : "";
    const path = store.pathOf(kernelsFingerprint(context));
    tell("saved", { path, left }, `Kept in '${path}'.${rest}`);
    return controller.signal.aborted ? INTERRUPTED : 0;
  } finally {
    release();
  }
}

const describe = ({ key, variant, ms, defaultMs }: Tuned): string =>
  row(key, variant, ms.toFixed(3), defaultMs?.toFixed(3) ?? "wrong");

const row = (shape: string, variant: string, ms: string, usual: string): string =>
  `${shape.padEnd(32)}  ${variant.padEnd(22)}  ${ms.padStart(9)}  ${usual.padStart(9)}\n`;
