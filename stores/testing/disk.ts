/** Small disks of memory, to be filled by tests. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";

export interface TestDisk extends Disposable {
  readonly path: string;
}

/** Mounts a disk of so many bytes at `path`, where this user may do that. */
export function mountDisk(path: string, bytes: number): TestDisk | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  mkdirSync(path, { recursive: true });
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path]).status !== 0)
    return undefined;
  return { path, [Symbol.dispose]: () => void spawnSync("umount", ["--lazy", path]) };
}

/** Makes a file that leaves no room on its disk. */
export function fillDisk(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}
