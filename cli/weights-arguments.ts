/** The grammar of `stylize weights`. */
import { type Command, Option } from "commander";
import type { PreprocessingName } from "../weights/preprocessing.ts";
import { audienceOf, cacheOption, preprocessingOption, quietOption } from "./flags.ts";
import type { Audience } from "./io.ts";

interface CacheArguments {
  /** Folder of fetched networks; that of the user when not given. */
  readonly cache: string | undefined;
}

export interface ListArguments extends CacheArguments {
  readonly json: boolean;
}

export interface PullArguments extends CacheArguments {
  readonly name: string;
  /** A file that is here already. */
  readonly from: string | undefined;
  readonly convolutionsOnly: boolean;
  readonly report: Audience;
}

interface SourceArguments extends ListArguments {
  readonly source: string;
}

interface PathArguments extends CacheArguments {
  readonly name: string | undefined;
}

interface ConvertArguments extends CacheArguments {
  readonly input: string;
  readonly output: string;
  readonly preprocessing: PreprocessingName | undefined;
}

export interface WeightsHandlers {
  list(args: ListArguments): Promise<void>;
  pull(args: PullArguments): Promise<void>;
  verify(args: SourceArguments): Promise<void>;
  path(args: PathArguments): Promise<void>;
  convert(args: ConvertArguments): Promise<void>;
  inspect(args: SourceArguments): Promise<void>;
}

/** stylize has flags of the same names and may have taken them: `optsWithGlobals` finds them there. */
function flags(command: Command) {
  const all = command.optsWithGlobals();
  return {
    cache: all.cache as string | undefined,
    json: Boolean(all.json),
    quiet: Boolean(all.quiet),
    preprocessing: all.preprocessing as PreprocessingName | undefined,
  };
}

/** Adds `weights` and its commands to `program`. */
export function addWeightsCommands(program: Command, handlers: WeightsHandlers): void {
  const weights = program.command("weights").description("Lists, fetches and looks into networks.");
  const json = () => new Option("--json", "Report on standard output as JSON.");
  weights
    .command("list")
    .description(
      "Lists the networks that have a name: those that come with the program first, then which are here.",
    )
    .addOption(cacheOption())
    .addOption(json())
    .action((_, command: Command) => handlers.list(flags(command)));
  weights
    .command("pull <name>")
    .description("Fetches a network and verifies it. A fetch that was broken off is resumed.")
    .option(
      "--from <file>",
      "Take a file that is here already instead of a download; it is verified all the same.",
    )
    .option(
      "--convolutions-only",
      "Fetch no more than the convolutions, a seventh of the file, although no hash is known for a part.",
    )
    .addOption(cacheOption())
    .addOption(json())
    .addOption(quietOption())
    .action((name: string, own: { from?: string; convolutionsOnly?: boolean }, command: Command) => {
      const { cache, json, quiet } = flags(command);
      const report = audienceOf({ json, quiet });
      const { from, convolutionsOnly = false } = own;
      return handlers.pull({ name, from, convolutionsOnly, cache, report });
    });
  weights
    .command("verify <name-or-file>")
    .description("Compares a network's file with the SHA-256 that it was shipped or published with.")
    .addOption(cacheOption())
    .addOption(json())
    .action((source: string, _, command: Command) => handlers.verify({ source, ...flags(command) }));
  weights
    .command("path [name]")
    .description("Prints the folder of fetched networks, or a network's file.")
    .addOption(cacheOption())
    .action((name: string | undefined, _, command: Command) => handlers.path({ name, ...flags(command) }));
  weights
    .command("convert <in> <out>")
    .description("Writes the convolutions of a network or file as OUT.safetensors.")
    .addOption(preprocessingOption())
    .addOption(cacheOption())
    .action((input: string, output: string, _, command: Command) =>
      handlers.convert({ input, output, ...flags(command) }),
    );
  weights
    .command("inspect <name-or-file>")
    .description("Tells what a weights file is, and how it would be used.")
    .addOption(cacheOption())
    .addOption(json())
    .action((source: string, _, command: Command) => handlers.inspect({ source, ...flags(command) }));
}
