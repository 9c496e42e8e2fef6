#!/usr/bin/env node
/** `stylize-serve`: a gateway from its flags to its end. */
import { pino } from "pino";
import { ConfigError } from "../worker/settings.ts";
import { helpText, printedConfig, readConfig } from "./config.ts";
import { run } from "./run.ts";

const WRONG_USAGE = 2;

try {
  const { config, print, help } = readConfig(process.argv.slice(2), process.env);
  const log = pino({ level: config["log-level"] }, pino.destination(2));
  if (help) process.stdout.write(helpText());
  else if (print) process.stdout.write(printedConfig(config));
  else await run({ config, env: process.env, log });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  for (const sentence of error.problems) process.stderr.write(`error: ${sentence}\n`);
  process.exitCode = WRONG_USAGE;
}
