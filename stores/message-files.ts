/**
 * Messages as files, moved between folders by `rename`, which only one of several processes can win:
 *
 *     new/ (being written) -> ready/ -> claimed/ -> gone, or ready/ again, or dead/
 *
 * A file's name holds all that there is to know beside the body: `<not before>-<sent at>-<receives>-<id>`, in claimed/
 * followed by `-<owner>`. A claim holds while its owner's process lives and touches the file. Processes that are killed
 * lose no message; files are not flushed to the disk, so a machine that crashes may.
 */
import { createHash, randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { lives } from "../common/lock.mjs";
import { makeFolder } from "../engine/make-folder.ts";
import { maxReceives } from "./message-queue.ts";
import { orUndefined, removeOldTemporaries } from "./object-files.ts";

export interface MessageFile {
  /** Milliseconds since 1970, as `sentAt`. */
  readonly notBefore: number;
  readonly sentAt: number;
  readonly receives: number;
  readonly id: string;
}

export interface Claim extends MessageFile {
  /** Its name in claimed/. */
  readonly name: string;
}

const namePattern = /^(\d{15})-(\d+)-(\d+)-([0-9a-f]{16})(?:-([0-9a-f]{8})\.(\d+)\.([0-9a-f]{16}))?$/;

/** The owners of this very process. */
const owners = new Set<string>();
/** Process ids mean something only where they were given out. */
const place = createHash("sha256").update(`${hostname()} ${processNamespace()}`).digest("hex").slice(0, 8);

function processNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

export class MessageFiles {
  readonly readyFolder: string;
  readonly #newFolder: string;
  readonly #claimedFolder: string;
  readonly #deadFolder: string;

  constructor(folder: string) {
    this.readyFolder = join(folder, "ready");
    this.#newFolder = join(folder, "new");
    this.#claimedFolder = join(folder, "claimed");
    this.#deadFolder = join(folder, "dead");
    for (const each of [this.readyFolder, this.#newFolder, this.#claimedFolder, this.#deadFolder]) {
      makeFolder(each);
    }
  }

  async add(body: string): Promise<void> {
    const id = randomBytes(8).toString("hex");
    const now = Date.now();
    const draft = join(this.#newFolder, id);
    try {
      await writeFile(draft, body);
      await rename(draft, join(this.readyFolder, format({ notBefore: now, sentAt: now, receives: 0, id })));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** Names of the messages that wait, those that may be tried first in front. */
  async ready(): Promise<string[]> {
    return (await readdir(this.readyFolder)).filter((name) => namePattern.test(name)).sort();
  }

  /** Undefined when somebody else was faster. */
  async claim(name: string, owner: string): Promise<Claim | undefined> {
    const message = parse(name)!;
    const claimed = { ...message, receives: message.receives + 1 };
    const claimedName = `${format(claimed)}-${owner}`;
    const file = join(this.readyFolder, name);
    const move = async () => {
      // Before it is renamed: a claim that looks old would be taken away at once.
      await touch(file);
      await rename(file, join(this.#claimedFolder, claimedName));
      return { ...claimed, name: claimedName };
    };
    return orUndefined(move());
  }

  read(claim: Claim): Promise<string> {
    return readFile(join(this.#claimedFolder, claim.name), "utf8");
  }

  async keep(claim: Claim): Promise<void> {
    await orUndefined(touch(join(this.#claimedFolder, claim.name)));
  }

  async delete(claim: Claim): Promise<void> {
    await orUndefined(unlink(join(this.#claimedFolder, claim.name)));
  }

  /** Gives a message back, to be tried from `notBefore` on, or puts it aside after its last try. */
  async release(claim: Claim, notBefore: number): Promise<void> {
    const name = format({ ...claim, notBefore });
    const target = claim.receives >= maxReceives ? this.#deadFolder : this.readyFolder;
    await orUndefined(rename(join(this.#claimedFolder, claim.name), join(target, name)));
  }

  /** Gives back what is claimed by processes that are gone, or that was not touched for `visibilityMs`. */
  async releaseAbandoned(visibilityMs: number): Promise<void> {
    for (const name of await readdir(this.#claimedFolder)) {
      const message = parse(name);
      if (message === undefined) continue;
      const stats = await orUndefined(stat(join(this.#claimedFolder, name)));
      if (stats === undefined) continue;
      const now = Date.now();
      if (ownerGone(name) || stats.mtimeMs < now - visibilityMs)
        await this.release({ ...message, name }, now);
    }
  }

  /** Removes what publishers that were killed left half written. */
  removeDrafts(): Promise<void> {
    return removeOldTemporaries(this.#newFolder);
  }
}

/** A new owner of claims; `forgetOwner` ends it. */
export function newOwner(): string {
  const owner = `${place}.${process.pid}.${randomBytes(8).toString("hex")}`;
  owners.add(owner);
  return owner;
}

export function forgetOwner(owner: string): void {
  owners.delete(owner);
}

function ownerGone(name: string): boolean {
  const [, , , , , at, pid, self] = namePattern.exec(name)!;
  if (at !== place) return false;
  return Number(pid) === process.pid ? !owners.has(`${at}.${pid}.${self}`) : !lives(Number(pid));
}

function format(message: MessageFile): string {
  const notBefore = String(Math.ceil(message.notBefore)).padStart(15, "0");
  return `${notBefore}-${message.sentAt}-${message.receives}-${message.id}`;
}

export function parse(name: string): MessageFile | undefined {
  const match = namePattern.exec(name);
  if (match === null) return undefined;
  const [, notBefore, sentAt, receives, id] = match;
  return { notBefore: Number(notBefore), sentAt: Number(sentAt), receives: Number(receives), id: id! };
}

function touch(file: string): Promise<void> {
  const now = new Date();
  return utimes(file, now, now);
}
