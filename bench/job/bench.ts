/** `npm run bench -- --job`. */
import { describeMachine } from "../machine.ts";
import { type BenchOptions, defaultJobSizes } from "../options.ts";
import { type Found, say } from "../output.ts";
import { machineText } from "../tables.ts";
import { measureJob } from "./measure.ts";
import type { JobReport, JobsReport } from "./report.ts";
import { disagreements, jobText } from "./tables.ts";

export async function benchJob(options: BenchOptions): Promise<Found<JobsReport>> {
  const { jobSteps: steps, schedules, family, precision, device, python } = options;
  const machine = describeMachine();
  const date = new Date().toISOString();
  const jobs: JobReport[] = [];
  const problems: string[] = [];
  for (const size of options.sizes ?? defaultJobSizes) {
    for (const network of options.network) {
      const what = `${network} at ${size} px`;
      say(`the job, ${what}`);
      try {
        const asked = { steps, schedules, family, precision, device, python, say };
        const job = await measureJob(network, size, asked);
        jobs.push(job);
        problems.push(...job.failures);
        problems.push(...disagreements(job).map((text) => `the losses disagree, ${what}: ${text}`));
      } catch (error) {
        problems.push(`the job, ${what}, failed: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  const { json, chart, python: _, ...asked } = options;
  const report = { kind: "job", date, machine, options: asked, jobs } as const;
  const adapter = jobs[0]?.runs[0]?.adapter;
  const text = adapter ? [machineText(machine, adapter, date), ...jobs.map(jobText)].join("\n\n") : "";
  return { text, report, problems };
}
