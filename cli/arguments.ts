/** The command line's grammar. Flags for the engine's options are made from the engine's own table. */

import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { StylizeError } from "../engine/errors.ts";
import {
  type ChoiceOption,
  type NumberOption,
  optionTable,
  parseSettings,
  type Settings,
  type SettingsInput,
  USUAL_SIZE,
} from "../engine/options.ts";
import type { PreprocessingName } from "../weights/preprocessing.ts";
import {
  audienceOf,
  cacheOption,
  deviceOption,
  integer,
  jsonOption,
  missing,
  preprocessingOption,
  quietOption,
  toNumber,
} from "./flags.ts";
import type { Audience, Io } from "./io.ts";
import { addRequestCommand, type RequestHandlers } from "./request-arguments.ts";
import { addWeightsCommands, type WeightsHandlers } from "./weights-arguments.ts";

/** `stylize CONTENT --style STYLE... -o OUT` */
export interface StylizeArguments {
  readonly content: string;
  readonly styles: readonly string[];
  readonly output: string;
  readonly settings: SettingsInput;
  /** The picture to start from, when `init` is "file". */
  readonly start: string | undefined;
  /** A network's name or file; the best that is here when not given. */
  readonly weights: string | undefined;
  readonly preprocessing: PreprocessingName | undefined;
  /** Folder of fetched networks; that of the user when not given. */
  readonly cache: string | undefined;
  /** The adapter's name, part of it, or its number. */
  readonly device: string | undefined;
  /** Steps from one save of the present picture to the next. */
  readonly saveEvery: number | undefined;
  readonly trace: string | undefined;
  /** Whether what was tuned is used. */
  readonly tuning: boolean;
  /** Whether the run is only checked and its memory counted. */
  readonly dryRun: boolean;
  readonly report: Audience;
}

export interface DevicesArguments {
  readonly json: boolean;
}

export interface Handlers extends RequestHandlers {
  stylize(args: StylizeArguments): Promise<void>;
  devices(args: DevicesArguments): Promise<void>;
  tune(args: TuneArguments): Promise<void>;
  readonly weights: WeightsHandlers;
}

/** `init` takes a file's name, too, so its flag is made by hand. */
const { init, ...plainOptions } = optionTable;

/**
 * The parser. It throws StylizeError `bad-option` for wrong values and CommanderError for the rest, and never exits.
 */
export function createProgram(
  handlers: Handlers,
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
): Command {
  const program = new Command("stylize")
    .usage("CONTENT --style STYLE... -o OUT [options]")
    .description("Paints a picture in the manner of others, by optimisation on the GPU.")
    .version(packageVersion(), "-V, --version", "Print the version.")
    .exitOverride()
    .enablePositionalOptions() // a command's flags are its own, whatever those of 'stylize' are called
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    // Commander would ask for what it calls required even of 'stylize devices': stylizeArguments() asks.
    .argument("[content]", "the picture to paint")
    .option("-s, --style <files...>", "One or more pictures whose manner to take.")
    .option("-o, --output <file>", "The picture to write: .jpg, .png, .webp, .tiff or .avif.");
  for (const [name, option] of Object.entries<NumberOption | ChoiceOption>(plainOptions))
    program.addOption(engineOption(name, option));
  program
    .option("--init <content|noise|file>", `${init.help} A picture's file name is one, too.`, init.default)
    .option(
      "--weights <name|file>",
      "A network's name ('stylize weights list') or file; when not given vgg19 if it was fetched, " +
        "else compact, or compact-small where a processor plays the GPU.",
    )
    .addOption(preprocessingOption())
    .addOption(cacheOption())
    .addOption(deviceOption())
    .option(
      "--save-every <n>",
      "Write the present picture to the output every n steps.",
      integer("save-every", 1),
    )
    .option("--trace <file>", "Write each step's losses to a file, one JSON object a line.")
    .option(
      "--no-tuning",
      "Use plain kernels in their usual tiles, whatever a self-test or 'stylize tune' found.",
    )
    .option("--dry-run", "Check everything, tell sizes and device memory, and neither compute nor write.")
    .addOption(jsonOption())
    .addOption(quietOption().conflicts("json"))
    .action((content: string | undefined, options: Flags) =>
      handlers.stylize(stylizeArguments(content, options)),
    );
  program
    .command("devices")
    .description("Lists the adapters: name, number, kernels, driver, features and limits.")
    .option("--json", "One JSON object a line.")
    .action((_, command: Command) =>
      // stylize has a --json of its own and may have taken the flag
      handlers.devices({ json: Boolean(command.optsWithGlobals().json) }),
    );
  addTuneCommand(program, handlers);
  addRequestCommand(program, handlers);
  addWeightsCommands(program, handlers.weights);
  return program;
}

function engineOption(name: string, option: NumberOption | ChoiceOption): Option {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (option.type === "choice") {
    return new Option(`--${flag} <${option.choices.join("|")}>`, option.help)
      .default(option.default)
      .argParser((text) => checked(name, flag, text));
  }
  const { type, min, max, help, words = [] } = option;
  const values = [type === "integer" ? "n" : "x", ...words].join("|");
  return new Option(`--${flag} <${values}>`, `${help} From ${min} to ${max}.`)
    .default(option.default)
    .argParser((text) => checked(name, flag, toNumber(text)));
}

/** The engine's check, with the flag's name in its sentence. */
function checked(name: string, flag: string, value: unknown): unknown {
  try {
    parseSettings({ [name]: value });
    return value;
  } catch (error) {
    if (!(error instanceof StylizeError)) throw error;
    throw new StylizeError(error.code, error.message.replace(`Expected ${name} `, `Expected --${flag} `));
  }
}

/** What is handed on as it is. */
type PlainFlags = Pick<
  StylizeArguments,
  "weights" | "preprocessing" | "cache" | "device" | "saveEvery" | "trace" | "tuning"
>;

/** As commander hands them over: one property a flag, those of engine options already checked. */
type Flags = Readonly<Record<string, unknown>> &
  PlainFlags & {
    readonly style?: string[];
    readonly output?: string;
    readonly init: string;
    readonly dryRun?: boolean;
    readonly json?: boolean;
    readonly quiet?: boolean;
  };

function stylizeArguments(content: string | undefined, flags: Flags): StylizeArguments {
  if (content === undefined) throw missing("a content picture before all flags");
  if (flags.style === undefined) throw missing("one or more style pictures: --style FILE");
  if (flags.output === undefined) throw missing("a picture to write: --output FILE");
  const isFile = flags.init !== "content" && flags.init !== "noise";
  const entries = Object.keys(plainOptions).map((name) => [name, flags[name]]);
  const { weights, preprocessing, cache, device, saveEvery, trace, tuning } = flags;
  return {
    content,
    styles: flags.style,
    output: flags.output,
    settings: { ...Object.fromEntries(entries), init: isFile ? "file" : flags.init } as SettingsInput,
    start: isFile ? flags.init : undefined,
    ...{ weights, preprocessing, cache, device, saveEvery, trace, tuning },
    dryRun: Boolean(flags.dryRun),
    report: audienceOf(flags),
  };
}

/** package.json is one folder up from the source, two from `dist/cli`. */
export function packageVersion(): string {
  const up = /\/dist\/cli\/[^/]+$/.test(import.meta.url) ? "../.." : "..";
  const text = readFileSync(new URL(`${up}/package.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

export interface TuneArguments {
  /** Long sides of results, pixels. */
  readonly sizes: readonly number[];
  /** That runs are tuned for. */
  readonly precision: Settings["precision"];
  /** A network's name or file; the default one when not given. */
  readonly weights: string | undefined;
  readonly device: string | undefined;
  readonly cache: string | undefined;
  readonly json: boolean;
}

interface TuneFlags extends Pick<TuneArguments, "precision"> {
  readonly size: number | readonly number[];
}

/** Adds `tune` to `program`. */
function addTuneCommand(program: Command, handlers: Handlers): void {
  const { precision } = optionTable;
  program
    .command("tune")
    .description("Finds the adapter's fastest kernels, and keeps what it found for later runs.")
    .option(
      "--size <pixels...>",
      "Long sides of results, whose scales are tuned for.",
      collectSizes,
      USUAL_SIZE,
    )
    .addOption(
      new Option(
        `--precision <${precision.choices.join("|")}>`,
        "Tune for runs with this precision; auto is what they take by themselves.",
      )
        .choices(precision.choices)
        .default(precision.default),
    )
    .option(
      "--weights <name|file>",
      "The network whose layers are tuned for; as runs choose it when not given.",
    )
    .addOption(deviceOption())
    .addOption(cacheOption())
    .addOption(jsonOption())
    .action(({ size, precision }: TuneFlags, command: Command) => {
      // stylize has these flags, too, and may have taken them
      const { weights, device, cache, json } = command.optsWithGlobals();
      const sizes = typeof size === "number" ? [size] : size;
      return handlers.tune({ sizes, precision, weights, device, cache, json: Boolean(json) });
    });
}

function collectSizes(text: string, before: number | readonly number[]): readonly number[] {
  const value = integer("size", optionTable.size.min, optionTable.size.max)(text);
  return typeof before === "number" ? [value] : [...before, value];
}
