#!/usr/bin/env node
/** `stylize-serve`: a gateway from its flags to its end. */
import { pino } from "pino";
import { ConfigError } from "../common/config-values.ts";
import { StylizeError } from "../engine/errors.ts";
import { StoreError } from "../stores/object-store.ts";
import { helpText, printedConfig, readConfig } from "./config.ts";
import { run } from "./serve.ts";

const CANNOT_START = 1;
const WRONG_USAGE = 2;

try {
  const { config, print, help } = readConfig(process.argv.slice(2), process.env);
  // It may be a terminal that was closed: work at hand is finished all the same.
  const stderr = pino.destination(2).on("error", () => {});
  const log = pino({ level: config["log-level"] }, stderr);
  if (help) process.stdout.write(helpText());
  else if (print) process.stdout.write(printedConfig(config));
  else await run({ config, env: process.env, log });
} catch (error) {
  for (const sentence of sentencesOf(error)) process.stderr.write(`error: ${sentence}\n`);
  const isWrong = error instanceof ConfigError || error instanceof StylizeError;
  process.exit(isWrong ? WRONG_USAGE : CANNOT_START); // connections that were opened before would keep it
}

/** What keeps it from starting. What only a defect of ours can be is thrown on, with its stack. */
function sentencesOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.sentences;
  if (error instanceof StylizeError || error instanceof StoreError) return [error.message];
  const { code, message } = error as NodeJS.ErrnoException;
  if (/^E[A-Z]+$/.test(code ?? "")) return [`Expected to start but the system says: ${message}.`];
  throw error;
}
