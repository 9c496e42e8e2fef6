/** `npm run bench -- [options]`: measures, prints Markdown on stdout, progress on stderr. See docs/performance.md. */
import { readFileSync } from "node:fs";
import { benchAgainst } from "./against/bench.ts";
import { jobChart } from "./chart/job.ts";
import { type DrawnSteps, stepsChart } from "./chart/steps.ts";
import { reportGpu } from "./gpu-report/bench.ts";
import { benchJob } from "./job/bench.ts";
import type { JobsReport } from "./job/report.ts";
import { type BenchOptions, benchCommand } from "./options.ts";
import { messageOf, say, write } from "./processes.ts";
import type { AgainstReport, StepsReport } from "./report.ts";
import { benchSteps } from "./steps.ts";

try {
  await main(benchCommand().parse().opts<BenchOptions>());
} catch (error) {
  say(messageOf(error));
  process.exitCode = 1;
}

async function main(options: BenchOptions): Promise<void> {
  const { from, chart, json } = options;
  if (from !== undefined) {
    write(chart ?? "chart.svg", drawReport(JSON.parse(readFileSync(from, "utf8"))));
    return;
  }
  if (options.gpuReport) {
    await reportGpu(options);
    return;
  }
  if (options.demo && options.against === undefined)
    throw new Error("Expected --against with --demo but received none.");
  const run = options.job ? benchJob : options.against !== undefined ? benchAgainst : benchSteps;
  const { text, report, failures } = await run(options);
  console.log(text);
  if (json !== undefined) write(json, `${JSON.stringify(report, null, 2)}\n`);
  for (const failure of failures) say(failure);
  if (failures.length > 0) process.exitCode = 1;
  if (chart !== undefined) write(chart, drawReport(report));
}

/** Reports of before they had a kind are of steps. */
type AnyReport = StepsReport | JobsReport | AgainstReport | (DrawnSteps & { readonly kind?: undefined });

/** SVG of what --json writes. Throws where there is nothing to draw. */
function drawReport(report: AnyReport): string {
  if (report.kind === "against")
    throw new Error("Expected a report of steps or of a job but received a comparison.");
  return report.kind === "job" ? jobChart(report) : stepsChart(report);
}
