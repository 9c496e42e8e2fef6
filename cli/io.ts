/** What a command needs of the process it runs in; tests hand in their own. */

/** stdout or stderr. */
export interface Output {
  write(text: string): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Signal = "SIGINT" | "SIGTERM" | "SIGHUP";

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
 * Calls `stop` at the first Ctrl-C, SIGTERM or SIGHUP (the terminal was closed) and ends the process at the second.
 *
 * A SIGHUP never is a second one: system and shell each send it to whoever runs in a terminal that is closed, and
 * nobody is there who could be in a hurry.
 *
 * Returns a function that gives the signals back.
 */
export function onInterrupt(io: Io, stop: () => void): () => void {
  let isStopping = false;
  const begin = () => {
    if (!isStopping) stop();
    isStopping = true;
  };
  const insist = () => {
    if (isStopping) io.exit(INTERRUPTED);
    begin();
  };
  const listeners = { SIGINT: insist, SIGTERM: insist, SIGHUP: begin } as const;
  const signals = Object.keys(listeners) as Signal[];
  for (const signal of signals) io.on(signal, listeners[signal]);
  return () => {
    for (const signal of signals) io.off(signal, listeners[signal]);
  };
}
