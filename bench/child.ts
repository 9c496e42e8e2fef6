/**
 * The child process that measures: request in argv, answer over IPC. It loads only what is asked for, since its memory
 * is measured as well.
 */
import type { JobRequest } from "./job/report.ts";
import { answer } from "./processes.ts";
import type { MeasureRequest } from "./report.ts";

answer(async (request: MeasureRequest | JobRequest) => {
  if (!("kind" in request)) return (await import("./measure.ts")).measure(request);
  const { evaluate, runJob } = await import("./job/run.ts");
  return request.kind === "run" ? runJob(request) : evaluate(request);
});
