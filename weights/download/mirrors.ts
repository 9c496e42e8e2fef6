/** Mirrors in order, until one has given the file and its hash is right. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { megabytes } from "../../common/megabytes.ts";
import { StylizeError } from "../../engine/errors.ts";
import type { ManifestEntry, SizedEntry } from "../manifest.ts";
import { type CachedFile, convolutionsName, type PartRecord, recordPath } from "./cache.ts";
import { type Connection, get } from "./connection.ts";
import { MirrorFailure, WholeOnly } from "./mirror-failure.ts";
import { partPath, removePart, resumable, settle, type Target } from "./part-file.ts";
import { type DownloadProgress, transfer } from "./transfer.ts";

/** A call of `pull`, with its defaults filled in. */
export interface Download {
  readonly entry: SizedEntry;
  readonly folder: string;
  readonly part: boolean;
  readonly partBytes: ((path: string) => Promise<number>) | undefined;
  readonly connection: Connection;
  readonly onProgress: (progress: DownloadProgress) => void;
  readonly note: (sentence: string) => void;
}

interface Attempt {
  readonly mirror: string;
  readonly part: boolean;
}

/** Enough of a file to hold its directory of tensors. */
const HEAD_BYTES = 1 << 20;
/** How often mirrors that broke off on the way are asked again. */
const MAX_RESUMES = 5;

export function targetsOf({ entry, folder }: Download): { whole: Target; part: Target | undefined } {
  const { file, size, sha256, convolutions } = entry;
  const part = convolutions && { entry, path: join(folder, convolutionsName(file)), ...convolutions };
  return { whole: { entry, path: join(folder, file), bytes: size, sha256 }, part };
}

/**
 * Fetches the file of the download, or its part.
 *
 * @throws StylizeError `download-failed` when no mirror is left, and whatever `transfer` throws but MirrorFailure.
 */
export async function fetchFromMirrors(download: Download): Promise<CachedFile> {
  const { entry, note } = download;
  const attempts = entry.mirrors.map((mirror) => ({ mirror, part: canBePart(download, mirror) }));
  let queue: Attempt[] = [...attempts];
  let startedOver = false;
  let resumes = 0;
  const failures = new Map<string, string>();
  for (let attempt = queue.shift(); attempt; attempt = queue.shift()) {
    const { mirror, part } = attempt;
    try {
      return await fetchFrom(mirror, part, download);
    } catch (error) {
      if (!(error instanceof MirrorFailure)) throw error;
      failures.set(mirror, error.message);
      note(`Expected ${entry.file} from ${hostOf(mirror)} but ${error.message}.`);
      if (error instanceof WholeOnly) queue.push({ mirror, part: false });
      else if (error.gained && resumes++ < MAX_RESUMES) queue.push(attempt);
      else if (error instanceof WrongJoin && !startedOver) {
        startedOver = true;
        queue = [...attempts];
      }
    }
  }
  throw allFailed(entry, failures);
}

function canBePart({ entry, part, partBytes }: Download, mirror: string): boolean {
  if (!part || entry.convolutions) return part;
  return partBytes !== undefined && entry.size > HEAD_BYTES && isTrusted(mirror);
}

/** Whether a file from there may be used although no hash says that it is the right one. */
function isTrusted(mirror: string): boolean {
  const { protocol, hostname } = new URL(mirror);
  return protocol === "https:" || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

async function fetchFrom(mirror: string, part: boolean, download: Download): Promise<CachedFile> {
  const targets = targetsOf(download);
  if (!part) return fetchVerified(targets.whole, mirror, download);
  return targets.part ? fetchVerified(targets.part, mirror, download) : fetchUnverified(mirror, download);
}

/** Bytes of more than one download were joined, and are not the file. */
class WrongJoin extends MirrorFailure {}

async function fetchVerified(target: Target, mirror: string, download: Download): Promise<CachedFile> {
  const { sha256, resumed } = await transfer(target, mirror, download.connection, download.onProgress);
  if (sha256 !== target.sha256) {
    await removePart(target);
    const clause = `received bytes with SHA-256 ${sha256} instead of ${target.sha256}`;
    throw resumed
      ? new WrongJoin(`${clause}, after what an earlier try had left`)
      : new MirrorFailure(clause);
  }
  await settle(partPath(target), target);
  return { path: target.path, sha256, verified: true };
}

/** The part of a file for which only the whole hash is known: as much as its own beginning says. */
async function fetchUnverified(mirror: string, download: Download): Promise<CachedFile> {
  const { entry, folder, connection, onProgress } = download;
  const path = join(folder, convolutionsName(entry.file));
  const head: Target = { entry, path, bytes: HEAD_BYTES, sha256: undefined };
  try {
    const { offset } = await resumable({ ...head, bytes: entry.size }, mirror);
    if (offset < HEAD_BYTES) await transfer(head, mirror, connection, onProgress);
    const target = { ...head, bytes: await partBytesOf(head, download) };
    const { sha256 } = await transfer(target, mirror, connection, onProgress);
    const record: PartRecord = { of: entry.sha256, bytes: target.bytes, sha256, mirror };
    await writeFile(recordPath(path), JSON.stringify(record));
    await settle(partPath(target), target);
    download.note(
      `The first ${megabytes(target.bytes)} of ${entry.file} came from ${hostOf(mirror)} without a ` +
        `published hash to check them against; their SHA-256 is ${sha256}.`,
    );
    return { path, sha256, verified: false };
  } catch (error) {
    if (error instanceof WholeOnly) await removePart(head);
    throw error;
  }
}

async function partBytesOf(head: Target, { entry, partBytes }: Download): Promise<number> {
  try {
    const bytes = await partBytes!(partPath(head));
    if (Number.isSafeInteger(bytes) && bytes > 0 && bytes < entry.size) return bytes;
    throw new Error(`they end at byte ${bytes} of ${entry.size}`);
  } catch (cause) {
    await removePart(head);
    const reason = (cause as Error).message.replace(/\.$/, "");
    throw new MirrorFailure(`where its convolutions end can't be told: ${reason}`, { cause });
  }
}

/** The `download-failed` error, from what each mirror did. */
function allFailed(
  { name, file, mirrors, source }: ManifestEntry,
  failures: ReadonlyMap<string, string>,
): StylizeError {
  const clauses = [...failures].map(([mirror, clause]) => `${clause} (${hostOf(mirror)})`);
  const [first] = mirrors;
  const from = mirrors.length === 1 ? "its mirror" : `one of ${mirrors.length || "its"} mirrors`;
  const what = clauses.length === 0 ? "none is known" : clauses.join(", and ");
  const message =
    `Expected ${file} from ${from} but ${what}; get ${first ?? `it from ${source}`} with a browser ` +
    `and run 'stylize weights pull ${name} --from FILE'.`;
  return new StylizeError("download-failed", message);
}

function hostOf(mirror: string): string {
  return new URL(mirror).host;
}

/**
 * Bytes of the entry's file, of which the manifest knows only the hash, as the first mirror says that answers.
 *
 * @throws StylizeError `download-failed` where none does; the signal's reason.
 */
export async function askSize(entry: ManifestEntry, connection: Connection): Promise<number> {
  const failures = new Map<string, string>();
  for (const mirror of entry.mirrors) {
    try {
      const answer = await get(mirror, { range: "bytes=0-0" }, connection);
      answer.close();
      const [, total] = /\/(\d+)$/.exec(`${answer.headers["content-range"]}`) ?? [];
      const size = Number(answer.status === 206 ? total : answer.headers["content-length"]);
      if (Number.isSafeInteger(size) && size > 0) return size;
      failures.set(mirror, "received no size");
    } catch (error) {
      if (!(error instanceof MirrorFailure)) throw error;
      failures.set(mirror, error.message);
    }
  }
  throw allFailed(entry, failures);
}
