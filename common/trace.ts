/**
 * Traces: what a part of the service does, for whoever follows a job, a line each on standard error. Silent until the
 * variable DEBUG names them, as socket.io's are: `DEBUG=stylize:*`, `DEBUG=stylize:stores:*,stylize:worker:job`.
 *
 * A line begins with the job's id where there is a job. It never has a token, a secret or a URL.
 */
/// <reference path="./debug.d.ts" />
import debug from "debug";

/** Writes a line, which is made only where somebody reads it. */
export type Trace = (line: () => string) => void;

/** Of a part of the service, such as "gateway:jobs". */
export function tracer(part: string): Trace {
  const write = debug(`stylize:${part}`);
  return (line) => {
    if (!write.enabled) return;
    outliveStandardError();
    write("%s", line());
  };
}

/** Whether a line that a process wrote is a trace, and not of its log. */
export function isTrace(line: string): boolean {
  return /^(\S+ )?stylize:[a-z:]+ /.test(line);
}

let isSafe = false;

/** It may be a terminal that was closed: work at hand is finished all the same. */
function outliveStandardError(): void {
  if (!isSafe) process.stderr.on("error", () => {});
  isSafe = true;
}
