/** What a worker is asked to do, on its command line and in lines of its standard input. */
import { z } from "zod";
import type { WorkerJob } from "../protocol/protocol.ts";
import { workerJobSchema } from "../protocol/schemas.ts";

export type Arguments = { readonly mode: "drain" } | { readonly mode: "job"; readonly job: WorkerJob };

export const usage =
  "Usage: node worker/main contentKey style requestId [optionsJson], or node worker/main --drain";

/** Throws an Error with one sentence. */
export function parseArguments(argv: readonly string[]): Arguments {
  if (argv.length === 1 && argv[0] === "--drain") return { mode: "drain" };
  const [contentKey, style, requestId, options, ...rest] = argv;
  if (requestId === undefined || rest.length > 0)
    throw new Error(`Expected 3 or 4 arguments but received ${argv.length}. ${usage}`);
  return { mode: "job", job: checked({ contentKey, style, requestId, options: jsonOf(options || "{}") }) };
}

/** Throws an Error with one sentence. */
export function parseLine(line: string): WorkerJob {
  return checked(jsonOf(line));
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
