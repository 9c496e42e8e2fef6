/** The `stylize` command from its arguments to its exit status. */

import { CommanderError } from "commander";
import { errorCodes, StylizeError } from "../engine/errors.ts";
import { createProgram } from "./arguments.ts";
import { devicesCommand } from "./devices.ts";
import { type Io, isDebugging, jsonLine } from "./io.ts";
import { stylizeCommand } from "./stylize.ts";
import { tuneCommand } from "./tune.ts";
import { weightsCommands } from "./weights.ts";

/** Exit statuses beside those of `errorCodes`. */
const UNFORESEEN = 1;
const WRONG_USAGE = 2;

/** Runs the command line `argv` (without node and script) and returns its exit status. It never throws. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  // Whatever read the output may have gone (EPIPE): the picture is still wanted.
  for (const stream of [io.stdout, io.stderr]) stream.on("error", () => {});
  let status = 0;
  let isJson = false;
  const program = createProgram(
    {
      async stylize(args) {
        status = await stylizeCommand(args, io);
      },
      devices: (args) => devicesCommand(args, io.stdout),
      async tune(args) {
        status = await tuneCommand(args, io);
      },
      async request(args) {
        status = await (await requesting()).requestCommand(args, io);
      },
      listStyles: async (args) => (await requesting()).listStylesCommand(args, io),
      weights: weightsCommands(io),
    },
    io,
  );
  program.hook("preAction", (_, command) => {
    isJson = Boolean(command.optsWithGlobals().json);
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE; // it has said why
    return reportError(error, io, isJson);
  }
}

/** With socket.io's client, which only these commands wait for. */
const requesting = () => import("./request.ts");

function reportError(error: unknown, io: Io, isJson: boolean): number {
  const { stdout, stderr } = io;
  const isKnown = error instanceof StylizeError;
  const reason = error instanceof Error ? `${error.message} (STYLIZE_DEBUG=1 shows where).` : String(error);
  const message = isKnown ? error.message : `Something unforeseen failed: ${reason}`;
  const code = isKnown ? error.code : "unforeseen";
  const status = isKnown ? errorCodes[error.code] : UNFORESEEN;
  stderr.write(`error: ${message}\n`);
  if (isDebugging(io) && error instanceof Error) stderr.write(`${error.stack}\n`);
  if (isJson) stdout.write(jsonLine({ event: "error", code, message, status }));
  return status;
}
