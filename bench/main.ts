/** `npm run bench -- [options]`: measures, prints Markdown on stdout, progress on stderr. See docs/performance.md. */
import { readFileSync } from "node:fs";
import { benchAgainst } from "./against/bench.ts";
import { drawReport } from "./chart.ts";
import { benchJob } from "./job/bench.ts";
import { type BenchOptions, benchCommand } from "./options.ts";
import { say, write } from "./output.ts";
import { benchSteps } from "./steps.ts";

try {
  await main(benchCommand().parse().opts<BenchOptions>());
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function main(options: BenchOptions): Promise<void> {
  const { from, chart, json } = options;
  if (from !== undefined) {
    write(chart ?? "chart.svg", drawReport(JSON.parse(readFileSync(from, "utf8"))));
    return;
  }
  if (options.demo && options.against === undefined)
    throw new Error("Expected --against with --demo but received none.");
  const run = options.job ? benchJob : options.against !== undefined ? benchAgainst : benchSteps;
  const { text, report, problems } = await run(options);
  console.log(text);
  if (json !== undefined) write(json, `${JSON.stringify(report, null, 2)}\n`);
  for (const problem of problems) say(problem);
  if (problems.length > 0) process.exitCode = 1;
  if (chart !== undefined) write(chart, drawReport(report));
}
