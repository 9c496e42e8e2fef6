/** The grammar of `stylize tune`. */
import { type Command, Option } from "commander";
import { StylizeError } from "../engine/errors.ts";
import { optionTable, type Settings, USUAL_SIZE } from "../engine/options.ts";
import { cacheOption } from "./weights-arguments.ts";

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

export interface TuneHandlers {
  tune(args: TuneArguments): Promise<void>;
}

interface TuneFlags {
  readonly size: number | readonly number[];
  readonly precision: Settings["precision"];
}

/** Adds `tune` to `program`. */
export function addTuneCommand(program: Command, handlers: TuneHandlers): void {
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
    .option(
      "--device <name>",
      "An adapter's name or part of it, in any case, or its number; 'stylize devices' lists them.",
    )
    .addOption(cacheOption())
    .option("--json", "Report on standard output, one JSON object a line.")
    .action(({ size, precision }: TuneFlags, command: Command) => {
      // stylize has these flags, too, and may have taken them
      const { weights, device, cache, json } = command.optsWithGlobals();
      const sizes = typeof size === "number" ? [size] : size;
      return handlers.tune({ sizes, precision, weights, device, cache, json: Boolean(json) });
    });
}

function collectSizes(text: string, before: number | readonly number[]): readonly number[] {
  const { min, max } = optionTable.size;
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max) {
    const message = `Expected --size to be an integer from ${min} to ${max} but received '${text}'.`;
    throw new StylizeError("bad-option", message);
  }
  return typeof before === "number" ? [value] : [...before, value];
}
