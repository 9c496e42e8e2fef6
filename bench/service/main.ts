/**
 * `npm run bench:service -- [options]`: loads gateways, prints Markdown on stdout, progress on stderr. See
 * docs/service.md.
 */
import { describeMachine } from "../machine.ts";
import { write } from "../processes.ts";
import { describe, faultsOf } from "./figures.ts";
import { type LoadOptions, loadCommand } from "./options.ts";
import { runLoad } from "./run.ts";

const command = loadCommand().parse();
const options = command.opts<LoadOptions>();
if (options.gateways > 1 && options.stores === "local")
  command.error("Expected --stores redis or cloud for more than one gateway but received local.");
const machine = describeMachine();
const date = new Date().toISOString();

const result = await runLoad(options, say);
console.log(describe(result, options, machine, date));
const faults = faultsOf(result);
for (const sentence of faults) say(sentence);
if (faults.length > 0) process.exitCode = 1;
if (options.json !== undefined) {
  const { json, cpuProf, ...asked } = options;
  write(json, `${JSON.stringify({ date, machine, options: asked, ...result }, null, 2)}\n`, say);
}

function say(text: string): void {
  process.stderr.write(`bench:service: ${text}\n`);
}
