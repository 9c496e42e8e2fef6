/** Folders in Node.js, whose own `mkdir` with `recursive` never returns where a file system takes none, as /proc. */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Makes `folder` and those above it where they are missing, with `mode`. Throws what the file system says. */
export function makeFolder(folder: string, mode = 0o777): void {
  const above = dirname(folder);
  if (above !== folder && !existsSync(above)) makeFolder(above, mode);
  try {
    mkdirSync(folder, { mode });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
    if (code !== "ENOENT" || !existsSync(above)) throw cause;
    const said = { code: "ENOTSUP", syscall: "mkdir", path: folder, cause };
    throw Object.assign(new Error("no folder can be made there"), said);
  }
}
