/** `npm run bench -- [options]`: measures, prints Markdown on stdout, progress on stderr. See docs/performance.md. */
import { readFileSync } from "node:fs";
import { benchAgainst } from "./against.ts";
import { drawReport } from "./chart.ts";
import { benchJob } from "./job/bench.ts";
import { type BenchOptions, benchCommand } from "./options.ts";
import { say, write } from "./output.ts";
import { benchSteps } from "./steps.ts";

const options = benchCommand().parse().opts<BenchOptions>();

if (options.from !== undefined) {
  write(options.chart ?? "chart.svg", drawReport(JSON.parse(readFileSync(options.from, "utf8"))));
} else {
  const run = options.job ? benchJob : options.against !== undefined ? benchAgainst : benchSteps;
  const found = await run(options);
  console.log(found.text);
  if (options.json !== undefined) write(options.json, `${JSON.stringify(found.report, null, 2)}\n`);
  if (options.chart !== undefined) write(options.chart, drawReport(found.report));
  for (const problem of found.problems) say(problem);
  if (found.problems.length > 0) process.exitCode = 1;
}
