/** What a command needs of the process it runs in; tests hand in their own. */

/** stdout or stderr. */
export interface Output {
  write(text: string): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Signal = "SIGINT" | "SIGTERM";

/** `process` is one. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What other programs read: JSON, lists, help. */
  readonly stdout: Output;
  /** What people read: progress, notes, errors. */
  readonly stderr: Output;
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
  exit(status: number): unknown;
}

/** Whether STYLIZE_DEBUG asks for what only who looks for a fault wants to know. */
export const isDebugging = ({ env }: Pick<Io, "env">): boolean => env.STYLIZE_DEBUG === "1";

/** Writes that, a line a sentence; undefined where nobody asks. */
export const debugOf = (io: Pick<Io, "env" | "stderr">): ((sentence: string) => void) | undefined =>
  isDebugging(io) ? (sentence) => io.stderr.write(`debug: ${sentence}\n`) : undefined;

/** Exit status of a run that was stopped from outside. */
export const INTERRUPTED = 130;

/**
 * Calls `stop` at the first Ctrl-C (or SIGTERM) and ends the process at the second.
 *
 * Returns a function that gives the signals back.
 */
export function onInterrupt(io: Io, stop: () => void): () => void {
  let isStopping = false;
  const listener = () => {
    if (isStopping) io.exit(INTERRUPTED);
    isStopping = true;
    stop();
  };
  io.on("SIGINT", listener);
  io.on("SIGTERM", listener);
  return () => {
    io.off("SIGINT", listener);
    io.off("SIGTERM", listener);
  };
}
