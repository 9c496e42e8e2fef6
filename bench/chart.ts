/** SVG of what --json writes. */
import { jobChart } from "./chart/job.ts";
import { type DrawnSteps, stepsChart } from "./chart/steps.ts";
import type { JobsReport } from "./job/report.ts";
import type { AgainstReport, StepsReport } from "./report.ts";

/** Reports of before they had a kind are of steps. */
type AnyReport = StepsReport | JobsReport | AgainstReport | (DrawnSteps & { readonly kind?: undefined });

/** Throws where there is nothing to draw. */
export function drawReport(report: AnyReport): string {
  if (report.kind === "against")
    throw new Error("Expected a report of steps or of a job but received a comparison.");
  return report.kind === "job" ? jobChart(report) : stepsChart(report);
}
