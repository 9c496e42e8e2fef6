#!/usr/bin/env node
import { endIfHungUp } from "../common/terminal.ts";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2), process);
endIfHungUp();
