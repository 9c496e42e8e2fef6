/**
 * Several jobs in one process: `{contentKey, style, requestId, options}` on each line in, `{requestId, outcome,
 * exitCode}` on each out.
 */
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { exitCodes, type Outcome } from "../protocol/exit-codes.ts";
import type { WorkerJob } from "../protocol/protocol.ts";
import { parseLine } from "./arguments.ts";

export interface DrainDeps {
  readonly input: Readable;
  readonly output: Writable;
  /** After it, no line is taken any more; those not answered are for whoever wrote them to give to another. */
  readonly signal: AbortSignal;
  readonly run: (job: WorkerJob) => Promise<Outcome>;
  readonly onBadLine: (error: Error) => void;
}

/** Runs jobs one after the other until the input ends: "done"; or the signal: "interrupted". */
export async function drain({ input, output, signal, run, onBadLine }: DrainDeps): Promise<Outcome> {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const close = () => lines.close();
  signal.addEventListener("abort", close);
  const answer = (requestId: string | null, outcome: Outcome) =>
    output.write(`${JSON.stringify({ requestId, outcome, exitCode: exitCodes[outcome] })}\n`);
  try {
    for await (const line of lines) {
      if (signal.aborted) break;
      if (line.trim() === "") continue;
      let job: WorkerJob;
      try {
        job = parseLine(line);
      } catch (error) {
        onBadLine(error as Error);
        answer(null, "bad-input");
        continue;
      }
      answer(job.requestId, await run(job));
    }
  } finally {
    signal.removeEventListener("abort", close);
    lines.close();
  }
  return signal.aborted ? "interrupted" : "done";
}
