/** The sentences that all formats share. */
import { StylizeError } from "../../engine/errors.ts";

export function badWeights(message: string, cause?: unknown): StylizeError {
  return new StylizeError("bad-weights", message, { cause });
}

/** `expected` and `received`: bytes from the start of the file. */
export function cutShort(path: string, expected: number, received: number): StylizeError {
  return badWeights(
    `Expected at least ${expected} bytes in '${path}' but it has ${received}: it is cut short, get it again.`,
  );
}

const LONGEST = 100;

/** A name out of a file, in quotes and fit to print: a hostile one may be megabytes long or steer the terminal. */
export function quoted(name: string): string {
  const text = name.length > LONGEST ? `${name.slice(0, LONGEST)}...` : name;
  return `'${text.replace(/\p{C}/gu, "\ufffd")}'`;
}
