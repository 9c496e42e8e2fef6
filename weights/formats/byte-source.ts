/** A file of weights as bytes, of which any range can be read, and the sentences that all formats share. */
import { StylizeError } from "../../engine/errors.ts";

/** Whoever opened it closes it. */
export interface ByteSource extends AsyncDisposable {
  /** What errors call it. */
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  /**
   * The bytes in [begin, end), in a buffer of their own. Nothing is allocated for a range that is not there.
   *
   * @throws StylizeError `bad-weights` where the file ends before them.
   */
  read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** What was fetched. `path`: what errors call it. */
export function blobSource(blob: Blob, path: string): ByteSource {
  const { size } = blob;
  return {
    path,
    size,
    async read(begin, end) {
      if (end > size) throw cutShort(path, end, size);
      return new Uint8Array(await blob.slice(begin, end).arrayBuffer());
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

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

/** A name out of a file, in quotes and fit to print. */
export const quoted = (name: string): string => `'${printable(name)}'`;

/** Text out of a file, fit to print: a hostile one may be megabytes long or steer the terminal. */
export function printable(text: string): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
  return short.replace(/\p{C}/gu, "\ufffd");
}
