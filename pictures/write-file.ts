/** Writing a file in one step: beside its place first, then renamed over it. */
import { randomBytes } from "node:crypto";
import { access, constants, type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StylizeError } from "../engine/errors.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "there is no permission to write there",
  EPERM: "there is no permission to write there",
  EROFS: "the file system is read-only",
  ENOENT: "its folder does not exist",
  ENOTDIR: "its folder is not a folder",
  EISDIR: "it is a folder",
  ENAMETOOLONG: "its name is too long",
  EFBIG: "it would be larger than the system allows a file to be",
};

/**
 * The `write-failed` error for what the file system said.
 *
 * @example
 * import { mkdir } from "node:fs/promises";
 * import { writeFailed } from "stylize/pictures";
 * await mkdir("results").catch((cause) => {
 *   throw writeFailed("results", cause);
 * });
 */
export function writeFailed(path: string, cause: unknown): StylizeError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = reasons[code ?? ""] ?? message;
  return new StylizeError("write-failed", `Expected to write '${path}' but ${reason}.`, { cause });
}

/**
 * Checks that `writeFileSafely` could write `path`, as far as that shows beforehand, and changes nothing.
 *
 * @throws StylizeError `write-failed`
 *
 * @example
 * import { checkWritable } from "stylize/pictures";
 * await checkWritable("result.png"); // before the run that makes it
 */
export async function checkWritable(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
    const existing = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (existing === undefined) return;
    if (existing.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    if (!existing.isFile()) throw new Error("it is not a regular file");
    await access(path, constants.W_OK);
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

/**
 * Writes the bytes of `pieces` to a temporary file in `path`'s folder, flushes it to the disk and renames it to `path`.
 *
 * @throws StylizeError `write-failed`; a file that was there before is as it was, and no temporary file is left.
 *
 * @example
 * import { writeFileSafely } from "stylize/pictures";
 * await writeFileSafely("losses.json", Buffer.from("[]"));
 */
export async function writeFileSafely(path: string, ...pieces: readonly Uint8Array[]): Promise<void> {
  await checkWritable(path);
  const target = await realpath(path).catch(() => path); // a link stays one, and its target is replaced
  const temporary = join(dirname(target), `.stylize-${randomBytes(8).toString("hex")}.tmp`);
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, "wx");
    for (const piece of pieces) await file.appendFile(piece);
    await file.sync();
    await file.close();
    await rename(temporary, target);
  } catch (cause) {
    await file?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw writeFailed(path, cause);
  }
}
