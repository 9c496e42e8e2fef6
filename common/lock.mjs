/**
 * One worker at a time, over processes: a lock file with the holder's process id, touched while it lives.
 *
 * Of our own since set-up takes it before there are packages, and Node has no locks. A lock is stale when its process
 * is gone, or when nobody has touched it for a while: ids begin anew in
 * each container, so an id that lives is no proof.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { constants, hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const touchEvery = 5_000;
const staleAfter = 60_000;
const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/** The locks that this process holds: path -> contents. @type {Map<string, string>} */
const held = new Map();

/**
 * Runs `work` while holding the lock at `path`; waits for a living holder, in this process or another.
 * Where no lock can be written for want of permission the work runs without.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {{ onWait?: () => void, signal?: AbortSignal | undefined }} [options] `onWait` is called once, before waiting;
 *   `signal` ends the waiting, which then rejects
 * @returns {Promise<T>}
 */
export async function withLock(path, work, { onWait = () => {}, signal } = {}) {
  if (!(await acquire(path, onWait, signal))) return work();
  const heart = setInterval(() => touch(path), touchEvery);
  try {
    return await work();
  } finally {
    clearInterval(heart);
    release(path);
  }
}

/**
 * @param {string} path
 * @param {() => void} onWait
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<boolean>} false where nothing can be written, so nothing can be trampled either
 */
async function acquire(path, onWait, signal) {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), begun: Date.now() });
  for (let told = false; ; ) {
    signal?.throwIfAborted();
    try {
      mkdirSync(dirname(path), { recursive: true });
      if (isStale(path)) rmSync(path, { force: true });
      create(path, mine);
      hold(path, mine);
      // Two that found the same stale lock may both have removed it, one of them the other's new lock.
      await sleep(50);
      if (contents(path) === mine) return true;
      release(path);
      continue;
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code === "EACCES" || code === "EROFS") return false;
      if (code !== "EEXIST") throw error;
    }
    if (!told) onWait();
    told = true;
    await sleep(250, undefined, signal === undefined ? {} : { signal });
  }
}

/**
 * Leaves no empty lock where the disk is full.
 * @param {string} path
 * @param {string} text
 */
function create(path, text) {
  const file = openSync(path, "wx");
  try {
    writeFileSync(file, text);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/**
 * @param {string} path
 * @param {string} mine
 */
function hold(path, mine) {
  if (held.size === 0) {
    process.on("exit", releaseAll);
    // In front of the others, of which one that listens only once would be gone when it is our turn.
    for (const signal of signals) process.prependListener(signal, interrupt);
  }
  held.set(path, mine);
}

/** @param {string} path */
function release(path) {
  if (contents(path) === held.get(path)) rmSync(path, { force: true });
  held.delete(path);
  if (held.size > 0) return;
  process.off("exit", releaseAll);
  for (const signal of signals) process.off(signal, interrupt);
}

function releaseAll() {
  for (const path of held.keys()) release(path);
}

/** @param {NodeJS.Signals} signal */
function interrupt(signal) {
  // Whoever else listens (set-up, for a child that runs; the command line) ends the process when it is ready to.
  if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
}

/**
 * @param {string} path
 * @returns {boolean} false when the lock has just gone: the next may be another's
 */
export function isStale(path) {
  if (held.has(path)) return false;
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

/**
 * Whether a process of this machine has that id.
 *
 * @param {number} pid
 */
export function lives(pid) {
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
