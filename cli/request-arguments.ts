/** The grammar of `stylize request`. */

import { type Command, Option } from "commander";
import { type JobOptions, strengths } from "../protocol/protocol.ts";
import { audienceOf, integer, jsonOption, missing, quietOption } from "./flags.ts";
import type { Audience } from "./io.ts";

interface ServiceArguments {
  /** Address of the service. */
  readonly server: string;
  /** A JSON Web Token, where the service wants one. */
  readonly token: string | undefined;
}

export interface RequestArguments extends ServiceArguments {
  readonly photo: string;
  /** A style's name or a file. */
  readonly style: string;
  readonly isPrivate: boolean;
  readonly options: JobOptions;
  /** Made of the names of photo and style when not given. */
  readonly output: string | undefined;
  readonly report: Audience;
}

export interface ListStylesArguments extends ServiceArguments {
  readonly json: boolean;
}

export interface RequestHandlers {
  request(args: RequestArguments): Promise<void>;
  listStyles(args: ListStylesArguments): Promise<void>;
}

interface Flags extends ServiceArguments, JobOptions {
  readonly style?: string;
  readonly output?: string;
  readonly private?: boolean;
  readonly listStyles?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Adds `request` to `program`. */
export function addRequestCommand(program: Command, handlers: RequestHandlers): void {
  program
    .command("request")
    .usage("PHOTO --style NAME|FILE [options]")
    .description("Has a service paint a picture: that of 'stylize-serve', here or elsewhere.")
    .argument("[photo]", "the picture to paint: JPEG, PNG or WebP")
    .option("-s, --style <name|file>", "A style of the service, or a picture of your own.")
    .option(
      "-o, --output <file>",
      "The picture to write; PHOTO-STYLE.png, if that is not there, when not given.",
    )
    .option("--server <url>", "Address of the service.", "http://127.0.0.1:3000")
    .option("--token <jwt>", "Login, where the service wants one; STYLIZE_TOKEN when not given.")
    .option("--private", "Show the result to nobody else; without, the service shows it to everyone.")
    .option(
      "--size <n|content>",
      "Long side of the result; the photo's, as with 'content', when not given.",
      (text) => (text === "content" ? undefined : integer("size", 32, 16_384)(text)),
    )
    .option("--steps <n>", "Optimisation steps at the last scale.", integer("steps", 1, 2000))
    .addOption(
      new Option(`--strength <${strengths.join("|")}>`, "How strongly the style takes hold.").choices(
        strengths,
      ),
    )
    .option("--list-styles", "List the service's styles, and do nothing else.")
    .addOption(jsonOption())
    .addOption(quietOption().conflicts("json"))
    .action((photo: string | undefined, flags: Flags) => {
      const { server, token, json = false } = flags;
      if (flags.listStyles) return handlers.listStyles({ server, token, json });
      return handlers.request(requestArguments(photo, flags));
    });
}

function requestArguments(photo: string | undefined, flags: Flags): RequestArguments {
  if (photo === undefined) throw missing("a picture to paint");
  if (flags.style === undefined) throw missing("a style: --style NAME|FILE");
  const { style, server, token, output, size, steps, strength } = flags;
  return {
    photo,
    style,
    server,
    token,
    output,
    isPrivate: flags.private ?? false,
    options: { size, steps, strength },
    report: audienceOf(flags),
  };
}
