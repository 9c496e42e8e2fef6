/**
 * What a worker is asked to do: one job on its command line, or several in one process, `{contentKey, style, requestId,
 * options}` on each line in, `{requestId, outcome, exitCode}` on each out.
 */
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { z } from "zod";
import { exitCodes, type Outcome } from "../protocol/exit-codes.ts";
import type { WorkerJob } from "../protocol/protocol.ts";
import { workerJobSchema } from "../protocol/schemas.ts";

export type Task = { readonly mode: "drain" } | { readonly mode: "job"; readonly job: WorkerJob };

const usage = "Usage: node worker/main contentKey style requestId [optionsJson], or node worker/main --drain";

/** Throws an Error with one sentence. */
export function parseArguments(argv: readonly string[]): Task {
  if (argv.length === 1 && argv[0] === "--drain") return { mode: "drain" };
  const [contentKey, style, requestId, options, ...rest] = argv;
  if (requestId === undefined || rest.length > 0)
    throw new Error(`Expected 3 or 4 arguments but received ${argv.length}. ${usage}`);
  return { mode: "job", job: checked({ contentKey, style, requestId, options: jsonOf(options || "{}") }) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`Expected JSON but received '${text.slice(0, 80)}'.`);
  }
}

function checked(job: unknown): WorkerJob {
  const result = workerJobSchema.safeParse(job);
  if (result.success) return result.data;
  throw new Error(`Expected a job but: ${z.prettifyError(result.error).replaceAll(/\s+/g, " ")}`);
}

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
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY, signal });
  const answer = (requestId: string | null, outcome: Outcome) =>
    output.write(`${JSON.stringify({ requestId, outcome, exitCode: exitCodes[outcome] })}\n`);
  try {
    for await (const line of lines) {
      if (signal.aborted) break;
      if (line.trim() === "") continue;
      let job: WorkerJob;
      try {
        job = checked(jsonOf(line));
      } catch (error) {
        onBadLine(error as Error);
        answer(null, "bad-input");
        continue;
      }
      answer(job.requestId, await run(job));
    }
  } finally {
    lines.close();
  }
  return signal.aborted ? "interrupted" : "done";
}
