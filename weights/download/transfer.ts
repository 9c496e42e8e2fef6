/**
 * A file from one mirror: resumed where it broke off, checked as it comes, never under its final name. undici's
 * RetryAgent resumes too, but only within one process and from one mirror.
 */
import { createHash } from "node:crypto";
import type { SizedEntry } from "../manifest.ts";
import { readChunks } from "./cache.ts";
import { type Answer, type Connection, get } from "./connection.ts";
import { BrokenOff, MirrorFailure, WholeOnly } from "./mirror-failure.ts";
import {
  append,
  checkSpace,
  type Origin,
  partPath,
  rememberOrigin,
  removePart,
  resumable,
  type Target,
} from "./part-file.ts";

export interface DownloadProgress {
  /** An address, or the path of the file that is copied. */
  readonly mirror: string;
  /** Bytes of the file that are there, of how many. */
  readonly received: number;
  readonly total: number;
  /** Bytes that were there before. */
  readonly resumedAt: number;
}

export interface Transferred {
  readonly sha256: string;
  /** Whether some of the bytes were there before. */
  readonly resumed: boolean;
}

/**
 * Makes the target's part hold all of its bytes.
 *
 * @throws MirrorFailure, and keeps what came where the rest may follow; `WholeOnly` where the server does no ranges but
 * the target
 *   needs one; StylizeError `write-failed`; the signal's reason.
 */
export async function transfer(
  target: Target,
  mirror: string,
  connection: Connection,
  onProgress: (progress: DownloadProgress) => void,
): Promise<Transferred> {
  const { entry, bytes } = target;
  const { offset, validator } = await resumable(target, mirror);
  let hash = createHash("sha256");
  if (offset > 0)
    for await (const chunk of readChunks(partPath(target), connection.signal)) hash.update(chunk);
  if (offset === bytes) return { sha256: hash.digest("hex"), resumed: true };
  await checkSpace(target.path, bytes - offset);

  const answer = await get(mirror, rangeHeaders(target, offset, validator), connection);
  let received = offset;
  try {
    if (answer.status === 416) {
      refuseRange(answer, entry, offset);
      await removePart(target);
      return await transfer(target, mirror, connection, onProgress);
    }
    const start = startOf(answer, target, offset);
    const first = await answer.body.next();
    refuseBody(answer, first.done ? undefined : first.value, bytes - start);
    if (start === 0) hash = createHash("sha256");
    received = start;
    await rememberOrigin(target, originOf(answer, entry, mirror));
    await append(partPath(target), start, prepend(first, answer.body), (chunk) => {
      if (received + chunk.length > bytes) throw new TooLong(`received more than ${bytes} bytes`);
      hash.update(chunk);
      received += chunk.length;
      onProgress({ mirror, received, total: bytes, resumedAt: start });
    });
    if (received < bytes) throw new BrokenOff("the connection closed");
    return { sha256: hash.digest("hex"), resumed: start > 0 };
  } catch (error) {
    if (error instanceof TooLong) await removePart(target);
    if (!(error instanceof BrokenOff)) throw error;
    const clause = `${error.message} after ${received} of ${bytes} bytes`;
    throw new MirrorFailure(clause, { gained: received > offset, cause: error });
  } finally {
    answer.close();
  }
}

class TooLong extends MirrorFailure {}

async function* prepend<T>(
  first: IteratorResult<T, void>,
  rest: AsyncIterable<T>,
): AsyncGenerator<T, void, void> {
  if (!first.done) yield first.value;
  yield* rest;
}

function rangeHeaders(
  { entry, bytes }: Target,
  offset: number,
  validator: string | undefined,
): Record<string, string> {
  const isWhole = bytes === entry.size;
  if (isWhole && offset === 0) return {};
  const range = `bytes=${offset}-${isWhole ? "" : bytes - 1}`;
  return offset > 0 && validator !== undefined ? { range, "if-range": validator } : { range };
}

/** Where the body begins: at `offset`, or at 0 where the server ignored the range or the file has changed. */
function startOf({ status, headers }: Answer, { entry, bytes }: Target, offset: number): number {
  if (/html/i.test(String(headers["content-type"]))) throw new MirrorFailure("received an HTML page");
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity")
    throw new MirrorFailure(`received it compressed (${encoding}), which was not asked for`);
  if (status === 200) {
    if (bytes === entry.size) return 0;
    throw new WholeOnly("it sends only whole files");
  }
  const received = headers["content-range"];
  const expected = `bytes ${offset}-${bytes - 1}/`;
  if (received === `${expected}${entry.size}` || received === `${expected}*`) return offset;
  const what = received === undefined ? "an unnamed range" : `'${received}'`;
  throw new MirrorFailure(`received ${what} when asked for '${expected}${entry.size}'`);
}

function refuseBody({ headers }: Answer, first: Uint8Array | undefined, bytes: number): void {
  if (first && looksLikeHtml(first)) throw new MirrorFailure("received an HTML page");
  const length = headers["content-length"];
  if (length === undefined || Number(length) === bytes) return;
  throw new MirrorFailure(`received an answer of ${length} bytes instead of ${bytes}`);
}

/** Whether a file begins as web pages do. No format of weights begins with "<" and a word. */
export function looksLikeHtml(begin: Uint8Array): boolean {
  return /^\s*<(!doctype|html|head|body|\?xml|!--)/i.test(
    Buffer.from(begin.subarray(0, 256)).toString("latin1"),
  );
}

/** For status 416: the file is of another size, or this server should not be asked for a range. */
function refuseRange({ headers }: Answer, { size }: SizedEntry, offset: number): void {
  const [, total] = /\/(\d+)$/.exec(String(headers["content-range"])) ?? [];
  if (total !== undefined && Number(total) !== size) {
    throw new MirrorFailure(`its file has ${total} bytes instead of ${size}`);
  }
  if (offset === 0)
    throw new MirrorFailure("received status 416: it does not send the range that was asked for");
}

function originOf(
  { headers: { etag, "last-modified": date } }: Answer,
  entry: SizedEntry,
  mirror: string,
): Origin {
  // If-Range takes no weak tag.
  const validator = typeof etag === "string" && !etag.startsWith("W/") ? etag : date;
  return { of: entry.sha256, mirror, ...(typeof validator === "string" ? { validator } : {}) };
}
