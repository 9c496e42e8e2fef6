#!/usr/bin/env node
/**
 * Stands for the `aws` and `docker` commands: writes down its arguments, one JSON array a line, into the file LOG, and
 * answers by the first rule of the file RULES whose `match` is in them: `{match, out?, err?, status?, times?, file?}`.
 * A rule with `times` is used up; `file` is written where the last argument says. Of parameters in a file, what stands
 * in it is written down.
 */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

const written = (argument) =>
  /^file:.*\.json$/.test(argument) ? readFileSync(new URL(argument), "utf8") : argument;
const args = [basename(process.argv[1]), ...process.argv.slice(2).map(written)];
appendFileSync(process.env.LOG, `${JSON.stringify(args)}\n`);
const rules = JSON.parse(readFileSync(process.env.RULES, "utf8"));
const rule = rules.find(({ match, times = 1 }) => times > 0 && args.join(" ").includes(match));
if (rule?.times !== undefined) {
  rule.times--;
  writeFileSync(process.env.RULES, JSON.stringify(rules));
}
if (rule?.file !== undefined) writeFileSync(args.at(-1), rule.file);
process.stdout.write(rule?.out ?? "");
process.stderr.write(rule?.err ?? "");
process.exitCode = rule?.status ?? 0;
