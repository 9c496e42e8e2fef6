/** A file that is not complete: `<path>.part`, and beside it what it is the beginning of. */
import { open, rename, rm, statfs, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { megabytes } from "../../common/megabytes.ts";
import { StylizeError } from "../../engine/errors.ts";
import { writeFailed } from "../../pictures/write-file.ts";
import type { SizedEntry } from "../manifest.ts";
import { readJson, recordPath, sizeOf } from "./cache.ts";

/** The first `bytes` bytes of the entry's file. */
export interface Target {
  readonly entry: SizedEntry;
  /** Where they will be once they are complete and right. */
  readonly path: string;
  readonly bytes: number;
  /** Unknown for the part with the convolutions, where only the whole file's hash is known. */
  readonly sha256: string | undefined;
}

/** Where a part came from. */
export interface Origin {
  /** SHA-256 of the whole file. */
  readonly of: string;
  readonly mirror: string;
  /** For If-Range: a strong ETag or a date. */
  readonly validator?: string;
}

export function partPath({ path }: Target): string {
  return `${path}.part`;
}

function originPath(target: Target): string {
  return `${partPath(target)}.json`;
}

/** How many of the target's bytes are there to go on from, and what If-Range may say to `mirror`. */
export async function resumable(
  target: Target,
  mirror: string,
): Promise<{ offset: number; validator?: string | undefined }> {
  const offset = (await sizeOf(partPath(target))) ?? 0;
  const origin = await readJson<Origin>(originPath(target));
  const isOther = origin !== undefined && origin.of !== target.entry.sha256;
  const validator = origin?.mirror === mirror ? origin.validator : undefined;
  // Where a hash decides in the end, bytes of several mirrors may be joined; else the server has to say that nothing
  // changed.
  const isSafe = target.sha256 !== undefined || validator !== undefined;
  return offset > target.bytes || isOther || !isSafe ? { offset: 0 } : { offset, validator };
}

export function rememberOrigin(target: Target, origin: Origin): Promise<void> {
  return writing(originPath(target), () => writeFile(originPath(target), JSON.stringify(origin)));
}

/**
 * Appends the chunks to the file at `path`, which is emptied first if it is to `start` at 0. `onChunk` sees each of
 * them before, and may throw.
 *
 * @throws StylizeError `write-failed`; on a full disk the file is removed, so that it isn't what fills it.
 */
export async function append(
  path: string,
  start: number,
  chunks: AsyncIterable<Uint8Array>,
  onChunk: (chunk: Uint8Array) => void,
): Promise<void> {
  const file = await writing(path, () => open(path, start > 0 ? "a" : "w"));
  try {
    for await (const chunk of chunks) {
      onChunk(chunk);
      await writing(path, () => file.appendFile(chunk));
    }
  } finally {
    await file.close();
  }
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") await rm(path, { force: true });
    throw writeFailed(path, error);
  }
}

/** Throws `write-failed` if the disk has no room for `bytes` more, as far as it says. */
export async function checkSpace(path: string, bytes: number): Promise<void> {
  const folder = dirname(path);
  const { bavail, bsize, blocks } = await statfs(folder).catch(() => ({ bavail: 0, bsize: 0, blocks: 0 }));
  const free = bavail * bsize;
  if (blocks === 0 || free >= bytes) return; // some file systems don't know
  throw new StylizeError(
    "write-failed",
    `Expected ${megabytes(bytes)} of free space in '${folder}' for ${basename(path)} but it has ${megabytes(free)}.`,
  );
}

/** Gives the file at `part` its final name, once its bytes are on the disk. */
export async function settle(part: string, target: Target): Promise<void> {
  await writing(target.path, async () => {
    const file = await open(part, "r+");
    await file.sync().finally(() => file.close());
    // A record of what was fetched without a known hash would speak against a file with one.
    if (target.sha256 !== undefined) await rm(recordPath(target.path), { force: true });
    await rename(part, target.path);
    await rm(originPath(target), { force: true });
  });
}

export async function removePart(target: Target): Promise<void> {
  await rm(partPath(target), { force: true });
  await rm(originPath(target), { force: true });
}
