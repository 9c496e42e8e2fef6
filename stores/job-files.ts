/**
 * Records of jobs as files, one for each, for one process at a time. A change is appended; the last whole line of a
 * file counts, and now and then it becomes the only one.
 */
import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lives } from "../common/lock.mjs";
import { makeFolder } from "../engine/make-folder.ts";
import { jobStatuses } from "../protocol/protocol.ts";
import type { JobRecord } from "./job-store.ts";
import { StoreError } from "./object-store.ts";

export interface Entry {
  readonly record: JobRecord;
  /** Milliseconds since 1970. */
  readonly changedAt: number;
  /** The idempotency key that it was created with, hashed. */
  readonly key?: string;
}

/** Lines that a file has at most. Making and renaming files takes ten times as long as appending to one. */
const maxLines = 64;

/** Every method but `tryToRemove` may throw StoreError. */
export class JobFiles {
  readonly #folder: string;

  /** Takes the folder, which it makes where it is missing, unless another living process has it. */
  constructor(folder: string) {
    this.#folder = folder;
    onDisk(() => takeFolder(folder));
  }

  /** All that can be read; `onDamaged` is told the path to which a file was moved that could not be. */
  read(onDamaged: (path: string) => void): Entry[] {
    return onDisk(() => readEntries(this.#folder, onDamaged));
  }

  /** `seq` says how many lines the file may have by now. */
  write(jobId: string, text: string, seq: number): void {
    onDisk(() => writeLine(this.#path(jobId), text, seq));
  }

  remove(jobId: string): void {
    onDisk(() => rmSync(this.#path(jobId), { force: true }));
  }

  /** A file that stays is as old at the next start. */
  tryToRemove(jobId: string): void {
    tryTo(() => rmSync(this.#path(jobId)));
  }

  check(): void {
    onDisk(() => readdirSync(this.#folder));
  }

  close(): void {
    rmSync(ownerOf(this.#folder), { force: true });
  }

  #path(jobId: string): string {
    return join(this.#folder, `${jobId}.json`);
  }
}

function readEntries(folder: string, onDamaged: (path: string) => void): Entry[] {
  makeFolder(folder);
  const names = readdirSync(folder);
  for (const name of names.filter((name) => name.endsWith(".tmp"))) tryTo(() => rmSync(join(folder, name)));
  return names.flatMap((name) => {
    if (!/^[0-9a-f]{32}\.json$/.test(name)) return [];
    const path = join(folder, name);
    const entry = tryTo(() => lastEntry(readFileSync(path, "utf8")));
    if (entry?.record?.jobId === name.slice(0, 32) && isEntry(entry)) return [entry];
    tryTo(() => renameSync(path, `${path}.damaged`));
    onDamaged(`${path}.damaged`);
    return [];
  });
}

/** The line break in front ends what a failed write may have left. */
function writeLine(path: string, text: string, seq: number): void {
  const line = `\n${text}`;
  if (seq % maxLines !== 0) {
    appendFileSync(path, line);
    return;
  }
  try {
    writeFileSync(`${path}.tmp`, line);
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    tryTo(() => rmSync(`${path}.tmp`, { force: true }));
    throw error;
  }
}

/** Whether it has everything that this file relies on. */
function isEntry({ record, changedAt, key }: Entry): boolean {
  return (
    typeof changedAt === "number" &&
    (key === undefined || typeof key === "string") &&
    [record.seq, record.createdAt].every(Number.isFinite) &&
    [record.client, record.tokenHash, record.requestId, record.contentKey].every(
      (text) => typeof text === "string",
    ) &&
    jobStatuses.includes(record.status)
  );
}

/** The last line that is whole: the writer of a part of one was killed, or told that it failed. */
function lastEntry(text: string): Entry | undefined {
  for (const line of text.split("\n").reverse()) {
    const entry = line === "" ? undefined : tryTo(() => JSON.parse(line) as Entry);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function onDisk<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(`Expected to keep jobs in files but received: ${(error as Error).message}.`, {
      retryable: true,
      cause: error,
    });
  }
}

function tryTo<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** A file that names the process which has the folder. One that was killed leaves it; it then counts for nothing. */
const ownerOf = (folder: string) => join(folder, "owner");

/** Makes the folder where it is missing. Throws StoreError where another living process has it. */
function takeFolder(folder: string): void {
  makeFolder(folder);
  for (;;) {
    try {
      writeFileSync(ownerOf(folder), String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = Number(readFileSync(ownerOf(folder), "utf8"));
    if (isOther(owner))
      throw new StoreError(
        `Expected a folder that no other gateway uses but process ${owner} has '${folder}'; ` +
          "if that is no gateway, remove the file 'owner' in it.",
      );
    rmSync(ownerOf(folder), { force: true });
  }
}

/** Ids begin anew in each container: our own, in a file of an earlier life, is nobody's. */
function isOther(pid: number): boolean {
  return pid > 0 && pid !== process.pid && lives(pid);
}
