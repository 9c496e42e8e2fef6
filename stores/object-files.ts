/** What a store of files asks of the file system: atomic writes, walks in order, and errors as StoreErrors. */
import { randomUUID } from "node:crypto";
import { link, lstat, mkdir, open, readdir, realpath, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isKey, StoreError } from "./object-store.ts";

/** Where files are until they are complete: on the file system of the others, and under no key. */
export const temporaryFolder = ".temporary";
/** Longer than any write takes: what is older belongs to a process that was killed. */
const temporaryLifeMs = 3_600_000;
const passing = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EIO", "EAGAIN", "EBUSY"]);

/** Makes the folders of `key`, one by one, so that none of them is made beyond a link. */
export async function makeFolders(root: string, key: string): Promise<void> {
  const whole = dirname(join(root, key));
  if ((await orNoObject(realpath(whole))) === whole) return; // made already, and no link leads there
  let folder = root;
  for (const name of key.split("/").slice(0, -1)) {
    folder = join(folder, name);
    const isMade = await mkdir(folder, { mode: 0o700 }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
        return false;
      },
    );
    if (!isMade && !(await lstat(folder)).isDirectory())
      throw Object.assign(new Error("a part of its path is not a folder"), { code: "ENOTDIR" });
  }
}

/** The bytes of a file. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Readers see the whole file or none; with `ifAbsent`, the first of several writers wins. */
export async function writeAtomically(root: string, name: string, pieces: Pieces, ifAbsent: boolean) {
  const temporary = join(root, temporaryFolder, randomUUID());
  const target = join(root, name);
  try {
    await using handle = await open(temporary, "wx", 0o600);
    for await (const piece of pieces) await handle.appendFile(piece);
    await handle.sync();
    if (!ifAbsent) await rename(temporary, target);
    else await link(temporary, target).then(() => unlink(temporary));
    return true;
  } catch (error) {
    await rm(temporary, { force: true });
    if (ifAbsent && (error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Keys below `folder` ("" or ending in "/") that begin with `prefix` and come after `after`, in order. */
export async function* keysBelow(
  root: string,
  prefix: string,
  after: string,
  folder = "",
): AsyncGenerator<string> {
  const entries = (await orNoObject(readdir(join(root, folder), { withFileTypes: true }))) ?? [];
  // A folder's name sorts with its slash: "a-b/c" comes before "a/b".
  const names = entries.map((entry) =>
    entry.isDirectory() ? `${entry.name}/` : entry.isFile() ? entry.name : "",
  );
  for (const name of names.sort()) {
    const key = folder + name;
    if (!isKey(name.endsWith("/") ? key.slice(0, -1) : key)) continue;
    if (!name.endsWith("/")) {
      if (key.startsWith(prefix) && key > after) yield key;
    } else {
      const mayMatch = key.startsWith(prefix) || prefix.startsWith(key);
      const mayFollow = key > after || after.startsWith(key);
      if (mayMatch && mayFollow) yield* keysBelow(root, prefix, after, key);
    }
  }
}

export async function removeOldTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const stats = await orUndefined(lstat(join(folder, name)));
    if (stats && stats.mtimeMs < Date.now() - temporaryLifeMs) await rm(join(folder, name), { force: true });
  }
}

/** Undefined where the file system says that there is no such file. */
export function orUndefined<T>(result: Promise<T>, codes = ["ENOENT"]): Promise<T | undefined> {
  return result.catch((error: NodeJS.ErrnoException) => {
    if (codes.includes(error.code!)) return undefined;
    throw error;
  });
}

/** The same of the path of a key, parts of which may be files, or links that lead nowhere: it names no object then. */
export const orNoObject = <T>(result: Promise<T>): Promise<T | undefined> =>
  orUndefined(result, ["ENOENT", "ENOTDIR", "ELOOP"]);

/** Makes StoreErrors of what the file system says. */
export async function attempt<T>(aim: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof StoreError || !/^E[A-Z]+$/.test(code ?? "")) throw cause;
    throw new StoreError(`Expected ${aim} but the file system says: ${message}.`, {
      retryable: passing.has(code ?? ""),
      cause,
    });
  }
}
