/** What stops a worker from outside. */
import type { Readable } from "node:stream";
import type { Logger } from "pino";
import { exitCodes } from "../protocol/exit-codes.ts";

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
