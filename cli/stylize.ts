/** `stylize CONTENT --style STYLE... -o OUT`: files in, a picture out. */
import { basename } from "node:path";
import { dryRun } from "../engine/dry-run.ts";
import { StylizeError } from "../engine/errors.ts";
import { precisionOn } from "../engine/gpu/precision.ts";
import { KernelTuning } from "../engine/kernel-tuning.ts";
import type { Network } from "../engine/network/types.ts";
import { openContext } from "../engine/node.ts";
import { parseSettings, type Settings, USUAL_SIZE } from "../engine/options.ts";
import type { Picture } from "../engine/picture.ts";
import { MIN_SIDE, planScales, type SizedSettings, sizedFor } from "../engine/pyramid.ts";
import { type StylizeOptions, type StylizeResult, stylize } from "../engine/stylize.ts";
import {
  atMost,
  checkWritable,
  decodePicture,
  type EncodeOptions,
  formatOf,
  hasTransparency,
  longSide,
} from "../pictures/index.ts";
import { filesOf } from "../weights/load.ts";
import { TuningFiles } from "../weights/tuning-file.ts";
import { packageVersion, type StylizeArguments } from "./arguments.ts";
import { debugOf, INTERRUPTED, type Io, onInterrupt } from "./io.ts";
import { chooseNetwork } from "./network.ts";
import { createReporter, type Reporter, tellPlan } from "./progress.ts";
import { checkTrace, refuseTaken, resultAt, Trace } from "./result.ts";

/** Returns the exit status: 0, or 130 when the run was stopped from outside. Throws StylizeError. */
export async function stylizeCommand(args: StylizeArguments, io: Io): Promise<number> {
  const reporter = createReporter(args.report, io);
  const controller = new AbortController();
  const release = onInterrupt(io, () => {
    controller.abort();
    reporter.note("Stopping after the present step; Ctrl-C again quits at once and writes nothing.");
  });
  try {
    await checkFiles(args, io.env);
    return await perform(args, reporter, controller.signal, io);
  } finally {
    release();
    reporter.end();
  }
}

/** What can be known to fail fails before anything is computed. */
async function checkFiles(args: StylizeArguments, env: Io["env"]): Promise<void> {
  const { content, styles, start, weights, cache, output, trace } = args;
  formatOf(output);
  const networks = await filesOf(weights, { cache, env });
  await refuseTaken([content, ...styles, start, ...networks], { "--output": output, "--trace": trace });
  await checkWritable(output);
}

async function perform(
  args: StylizeArguments,
  reporter: Reporter,
  signal: AbortSignal,
  io: Pick<Io, "env" | "stdout" | "stderr">,
): Promise<number> {
  const { env, stdout } = io;
  const asked = parseSettings(args.settings);
  const content = await decodePicture(args.content);
  const settings = sizedFor(content.picture, asked);
  const pictures = {
    content: longSide(content.picture, settings.size, args.content),
    ...(await readOthers(args, settings)),
  };
  const networkFor = await chooseNetwork(args, env);
  using trace = args.trace === undefined ? undefined : startTrace(args.trace, args);
  using context = await openContext({
    giveWay: true,
    debug: debugOf(io),
    ...(args.device !== undefined && { adapter: args.device }),
  });
  const { adapterName: adapter, family } = context;
  const network = await networkFor(context);
  const precision = precisionOn(context, settings.precision);
  const scales = planScales(pictures.content, settings);
  const plan = { adapter, family, precision, network: network.name, scales, output: args.output };
  if (!args.dryRun) reporter.start(plan);
  const { note } = reporter;
  remarks(args, pictures, settings, note);
  const tuning = args.tuning && new TuningFiles(env, args.cache);
  const job = { ...settings, ...pictures, context, network, tuning, onNote: note };
  if (args.dryRun) {
    const memory = await dryRun(job); // by which the context has what is kept
    const { layers } = network;
    const tuner = tuning && new KernelTuning(context, { precision, store: tuning, note });
    if (tuner && tuner.unknownProblems(layers, scales.at(-1)!).length > 0) {
      note(
        "A run of more than 15 seconds finds this adapter's fastest kernels on its way, which may take more memory; " +
          "'stylize tune' finds them beforehand.",
      );
    }
    tellPlan({ ...plan, ...memory }, args, content.picture, stdout);
    return signal.aborted ? INTERRUPTED : 0;
  }
  const result = resultAt(
    args.output,
    encodeOptions(args, pictures.content, content.bitDepth, { ...settings, precision }, network),
    reporter,
  );
  const { picture, aborted, last } = await keeping(result, {
    ...job,
    signal,
    onIterate: async (iterate, present) => {
      result.step(iterate);
      reporter.step(iterate);
      trace?.write(iterate);
      const { totalStep, totalSteps } = iterate;
      const isDue = args.saveEvery !== undefined && totalStep % args.saveEvery === 0;
      if (isDue && totalStep < totalSteps) await result.saveOnTheWay(await present());
    },
  });
  if (last) await result.saveLast(picture, aborted ? "stopped" : "done");
  else reporter.note("Stopped before the first step: nothing was written.");
  return aborted ? INTERRUPTED : 0;
}

function startTrace(path: string, { dryRun }: StylizeArguments): Trace | undefined {
  if (!dryRun) return new Trace(path);
  checkTrace(path);
  return undefined;
}

/** `stylize`, but after a failure the last good picture is written before the error goes on. */
async function keeping(result: ReturnType<typeof resultAt>, options: StylizeOptions): Promise<StylizeResult> {
  try {
    return await stylize(options);
  } catch (error) {
    const picture = error instanceof StylizeError ? error.picture : undefined;
    if (picture && result.hasSteps()) await result.saveLast(picture, "failed");
    throw error;
  }
}

/** The style pictures, and the start if there is one, no larger than the run looks at. */
async function readOthers({ styles, start }: StylizeArguments, { size, styleSize }: SizedSettings) {
  const read = async (path: string, side: number): Promise<Picture> =>
    atMost((await decodePicture(path)).picture, side);
  const decoded: Picture[] = [];
  for (const style of styles) decoded.push(await read(style, Math.ceil(size * styleSize)));
  return { styles: decoded, ...(start === undefined ? {} : { start: await read(start, size) }) };
}

function remarks(
  { output, styles, settings }: StylizeArguments,
  pictures: Pick<StylizeOptions, "content" | "styles">,
  { size }: SizedSettings,
  note: (sentence: string) => void,
): void {
  const { width, height } = pictures.content;
  if (settings.size === undefined && size < USUAL_SIZE)
    note(`The result has the content's own size, ${width}x${height}; --size ${USUAL_SIZE} enlarges it.`);
  if (settings.size === undefined && size > USUAL_SIZE)
    note(`The result's long side is ${size} pixels, since its short side needs ${MIN_SIDE}.`);
  const transparent = new Set(styles.filter((_, i) => pictures.styles[i]!.opacity));
  if (transparent.size > 0)
    note(
      `Transparent parts of the style ${[...transparent].map((path) => `'${path}'`).join(", ")} count as white.`,
    );
  if (pictures.content.opacity && !hasTransparency(formatOf(output)))
    note(`The content's transparency is left out of '${output}': JPEG has none.`);
}

/** Transparency and depth of the content, and in the metadata how the picture was made. */
function encodeOptions(
  { content, styles, ...args }: StylizeArguments,
  transparency: Picture,
  bitDepth: 8 | 16,
  settings: Settings,
  { name, defaults }: Network,
): EncodeOptions {
  const { contentWeight, styleWeight, tvWeight, pooling } = defaults;
  const description = JSON.stringify({
    software: `stylize ${packageVersion()}`,
    network: name,
    content: basename(content),
    styles: styles.map((style) => basename(style)),
    start: args.start && basename(args.start),
    contentWeight,
    styleWeight,
    tvWeight,
    pooling,
    ...withoutUndefined(settings),
  });
  return { transparency, bitDepth, description };
}

function withoutUndefined(settings: Settings): Partial<Settings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
