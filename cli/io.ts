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

/** What machines read. */
export const jsonLine = (record: object): string => `${JSON.stringify(record)}\n`;

/** Whom a command reports to: people on stderr, machines on stdout, or nobody. */
export type Audience = "people" | "json" | "quiet";

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

/** A title, and below it rows of a label and a value. */
export function rows(title: string, entries: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...entries.map(([label]) => label.length));
  return [title, ...entries.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`), ""].join("\n");
}

/** 75 -> "1:15", 4000 -> "1:06:40". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  const rest = two(whole % 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
}

/** Tells whoever waits for a command what happens: sentences for people, records for machines. */
export function telling(audience: Audience, { stdout, stderr }: Pick<Io, "stdout" | "stderr">) {
  let bar = ""; // on a terminal's last line: drawn over and over, with sentences appearing above it
  const clear = () => {
    if (bar) stderr.write("\r\x1b[K");
  };
  const tell = (event: string, record: object, ...sentences: readonly string[]): void => {
    if (audience === "json") stdout.write(jsonLine({ event, ...record }));
    if (audience !== "people") return;
    for (const sentence of sentences) {
      clear();
      stderr.write(`${sentence}\n${bar}`);
    }
  };
  return {
    tell,
    /** Anything else worth a sentence. */
    note: (sentence: string) => tell("note", { text: sentence }, sentence),
    /** How far it is: for people, on a bar, of which `share` (0 to 1) is full; without a terminal in a line. */
    show(share: number, text: string): void {
      if (audience !== "people") return;
      if (!stderr.isTTY) return void stderr.write(`${text}\n`);
      clear();
      bar = barOf(share, text, (stderr.columns ?? 80) - 1);
      stderr.write(bar);
    },
    /** The last call, after an error too: leaves the bar as it is and the terminal on a line of its own. */
    end(): void {
      if (bar) stderr.write("\n");
      bar = "";
    },
  };
}

/** With `text` behind it, as far as there is room. */
function barOf(share: number, text: string, columns: number): string {
  const length = Math.min(30, columns - text.length - 3);
  const full = Math.round(length * share);
  return length < 5 ? text.slice(0, columns) : `[${"#".repeat(full)}${"-".repeat(length - full)}] ${text}`;
}

/** Whether it is time for the next report; it always is for one that must not be missed. */
export function pace(milliseconds: number): (isNeeded: boolean) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return (isNeeded) => {
    const now = performance.now();
    if (now - last < milliseconds && !isNeeded) return false;
    last = now;
    return true;
  };
}
