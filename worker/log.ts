/** Logs: JSON, a line each. */
import { type DestinationStream, destination, type Logger, pino } from "pino";
import type { WorkerConfig } from "./config.ts";

/** Writes to standard error when not told otherwise, and goes on where that is gone. */
export function createLog(
  level: WorkerConfig["logLevel"],
  stream: DestinationStream = destination({ dest: 2, sync: true }).on("error", () => {}),
): Logger {
  return pino({ level, base: null, serializers: { err: serialized } }, stream);
}

/** Of an error no more than this: some hold pictures, or what was sent to a server. */
function serialized(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return { name, code, message, stack, ...(cause instanceof Error && { cause: cause.message }) };
}
