/**
 * One process at a time for a folder: a file that names it. One that was killed leaves the file, which then counts for
 * nothing.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "./object-store.ts";

const nameOf = (folder: string) => join(folder, "owner");

/** Makes the folder where it is missing. Throws StoreError where another living process has it. */
export function takeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (;;) {
    try {
      writeFileSync(nameOf(folder), String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = Number(readFileSync(nameOf(folder), "utf8"));
    if (isOther(owner))
      throw new StoreError(
        `Expected a folder that no other gateway uses but process ${owner} has '${folder}'; if that is no gateway, remove the file 'owner' in it.`,
        { retryable: false },
      );
    rmSync(nameOf(folder), { force: true });
  }
}

export function leaveFolder(folder: string): void {
  rmSync(nameOf(folder), { force: true });
}

/** Ids begin anew in each container: our own, in a file of an earlier life, is nobody's. */
function isOther(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
