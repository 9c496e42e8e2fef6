/** The worker as a process: its log, what stops it from outside, and the adapter that it computes on. */
import type { Readable } from "node:stream";
import { type DestinationStream, destination, type Logger, pino } from "pino";
import { StylizeError } from "../engine/errors.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { openContext } from "../engine/node.ts";
import { exitCodes } from "../protocol/exit-codes.ts";
import type { WorkerConfig } from "./config.ts";

/** JSON, a line each. It writes to standard error when not told otherwise, and goes on where that is gone. */
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

/** Between the signal and the end, whatever hangs: containers are killed 30 s after SIGTERM. */
const STOP_MS = 20_000;

/**
 * Aborts at SIGTERM, at SIGINT, at SIGHUP (a closed terminal) and at the end of `lifeline`, which somebody else must
 * read. The process ends soon after, with the status of an interruption.
 */
export function stopSignal(log: Logger, lifeline?: Readable): AbortSignal {
  const controller = new AbortController();
  const stop = (why: string) => {
    if (controller.signal.aborted) return;
    log.info({ why }, "stopping");
    controller.abort();
    setTimeout(() => process.exit(exitCodes.interrupted), STOP_MS).unref();
  };
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => stop(name));
  for (const event of ["end", "error", "close"]) lifeline?.on(event, () => stop("lifeline ended"));
  return controller.signal;
}

/**
 * `debug` takes what only who looks for a fault wants to know.
 * Throws StylizeError `no-adapter` where there is none, or none but software where a GPU is required.
 */
export async function openGpu(requireGpu: boolean, debug: (sentence: string) => void): Promise<GpuContext> {
  const context = await openContext({ giveWay: true, debug });
  if (!requireGpu || !context.isSoftware) return context;
  const { adapterName } = context;
  context[Symbol.dispose]();
  throw new StylizeError(
    "no-adapter",
    `Expected a GPU but found '${adapterName}'; STYLIZE_REQUIRE_GPU=false takes software adapters.`,
  );
}
