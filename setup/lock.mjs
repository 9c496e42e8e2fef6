/**
 * One set-up at a time: a lock file with the holder's process id, touched while it lives.
 *
 * A lock is stale when its process is gone, or when nobody has touched it for a while: ids begin anew in
 * each container, so an id that lives is no proof.
 */
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./terminal.mjs";

const touchEvery = 5_000;
const staleAfter = 60_000;

/**
 * Runs `work` while holding the lock at `path`; waits for a living holder.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), begun: Date.now() });
  if (!(await acquire(path, mine))) return work();
  const release = () => {
    if (contents(path) === mine) rmSync(path, { force: true });
  };
  const interrupt = () => {
    // A child that runs has its own handler, which waits for it.
    if (process.listenerCount("SIGINT") === 1) process.exit(130);
  };
  const heart = setInterval(() => touch(path), touchEvery);
  process.on("exit", release);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, interrupt);
  try {
    return await work();
  } finally {
    clearInterval(heart);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, interrupt);
    process.off("exit", release);
    release();
  }
}

/**
 * @param {string} path
 * @param {string} mine
 * @returns {Promise<boolean>} false where nothing can be written, so nothing can be trampled either
 */
async function acquire(path, mine) {
  for (let told = false; ; ) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      if (isStale(path)) rmSync(path, { force: true });
      writeFileSync(path, mine, { flag: "wx" });
      // Two that found the same stale lock may both have removed it, one of them the other's new lock.
      await sleep(50);
      if (contents(path) === mine) return true;
      continue;
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code === "EACCES" || code === "EROFS") return false;
      if (code !== "EEXIST") throw error;
    }
    if (!told) say("waiting for another set-up of this folder to finish");
    told = true;
    await sleep(250);
  }
}

/**
 * @param {string} path
 * @returns {boolean} false when the lock has just gone: the next may be another's
 */
export function isStale(path) {
  const age = ageOf(path);
  if (age === undefined) return false;
  if (age > staleAfter) return true;
  const text = contents(path);
  try {
    const { pid, host } = JSON.parse(text ?? "");
    return host === hostname() && (pid === process.pid || !lives(pid));
  } catch {
    return false; // being written
  }
}

/** @param {number} pid */
function lives(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/** @param {string} path */
function contents(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function ageOf(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : Date.now() - stat.mtimeMs;
}

/** @param {string} path */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {}
}
