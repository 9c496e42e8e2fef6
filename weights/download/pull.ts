/** Downloads of weights into the cache: each file once, checked, or an error that says what to do. */
import { createHash } from "node:crypto";
import { access, constants, rm } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../../common/lock.mjs";
import { StylizeError } from "../../engine/errors.ts";
import { makeFolder } from "../../engine/make-folder.ts";
import { writeFailed } from "../../pictures/write-file.ts";
import { badWeights } from "../formats/byte-source.ts";
import { openTensorFile } from "../formats/open.ts";
import type { ManifestEntry } from "../manifest.ts";
import { findNetwork, readConvolutions } from "../network-file.ts";
import { isTorchvision } from "../preprocessing.ts";
import { type CachedFile, cachedPart, cachedWhole, type Environment, readChunks, sizeOf } from "./cache.ts";
import type { Connection, Timeouts } from "./connection.ts";
import { askSize, type Download, fetchFromMirrors, targetsOf } from "./mirrors.ts";
import { append, checkSpace, settle } from "./part-file.ts";
import { type DownloadProgress, looksLikeHtml } from "./transfer.ts";

export type { DownloadProgress };

export interface PullOptions {
  /** Where the file is to be, see `cacheFolder`; it is made if need be. */
  readonly folder: string;
  /** Whether the part with the convolutions will do; by default where the manifest has its hash. */
  readonly part?: boolean | undefined;
  /**
   * How many bytes from the beginning of the file hold the convolutions, from the path of a file with its first MiB.
   * For a part of a file for which only the whole hash is known; without it such a file is fetched whole.
   */
  readonly partBytes?: ((path: string) => Promise<number>) | undefined;
  /** A file that is already here: checked as a download would be, and copied. */
  readonly from?: string | undefined;
  /** Called for each piece that arrives. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Called with a sentence on anything a user should know: a mirror that failed, a wait for another process. */
  readonly onNote?: ((sentence: string) => void) | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** Names the proxies: `http_proxy`, `https_proxy`, `no_proxy`. */
  readonly env?: Environment | undefined;
  /** Stops the download; the next one goes on where it stopped. */
  readonly signal?: AbortSignal | undefined;
}

export interface Pulled extends CachedFile {
  /** False where the file was there before, or another process fetched it while this one waited. */
  readonly fetched: boolean;
}

const defaultTimeouts: Timeouts = { connect: 10_000, headers: 30_000, stall: 30_000 };

/**
 * Makes sure that the entry's file is in the folder: from the cache, from a copy, or from its mirrors in order.
 *
 * What is in the cache is read for its hash, too. What broke off is resumed, by the next mirror or the next call. Of
 * several processes one fetches a file and the others wait.
 *
 * @throws StylizeError `download-failed`, naming what each mirror did and what to do; `write-failed` for a full disk or
 * a folder that
 *   can't be written; `aborted`; with `from`, `file-not-found` or `bad-weights`; `bad-option` for a proxy that is no
 *   address.
 *
 * @example
 * import { bestNetwork, cacheFolder, pull } from "stylize/weights";
 * const { path } = await pull(bestNetwork, { folder: cacheFolder(process.env), onNote: console.log });
 */
export async function pull(entry: ManifestEntry, options: PullOptions): Promise<Pulled> {
  const { folder, from, signal, part = entry.convolutions !== undefined } = options;
  const note = options.onNote ?? (() => {});
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const connection: Connection = { timeouts, env: options.env ?? process.env, signal };
  const fetch = async (): Promise<CachedFile> => {
    const { partBytes, onProgress = () => {} } = options;
    const download = (size: number): Download => ({
      entry: { ...entry, size },
      folder,
      part,
      partBytes,
      connection,
      onProgress,
      note,
    });
    if (from !== undefined) return copyIn(download(entry.size ?? (await sizeOf(from)) ?? 0), from);
    return fetchFromMirrors(download(entry.size ?? (await askSize(entry, connection))));
  };
  const find = async (onDamaged: OnDamaged) =>
    (await sound(await cachedWhole(entry, folder), onDamaged, signal)) ??
    (part ? await sound(await cachedPart(entry, folder), onDamaged, signal) : undefined);
  const onWait = () => note(`Another process is fetching ${entry.file}: waiting for it to finish.`);
  try {
    const present = await find(async () => {});
    if (present) return { ...present, fetched: false };
    makeFolder(folder);
    await access(folder, constants.W_OK);
    return await withLock(
      join(folder, `${entry.file}.lock`),
      async () => {
        const arrived = await find(async (path, what) => {
          note(`Expected '${path}' to be ${entry.file} but ${what}: it is damaged, and deleted.`);
          await rm(path);
        });
        return arrived ? { ...arrived, fetched: false } : { ...(await fetch()), fetched: true };
      },
      { onWait, signal },
    );
  } catch (error) {
    throw foreseen(error, entry, options);
  }
}

type OnDamaged = (path: string, what: string) => Promise<void>;

/** `found` if its bytes are still what they were. */
async function sound(
  found: CachedFile | undefined,
  onDamaged: OnDamaged,
  signal: AbortSignal | undefined,
): Promise<CachedFile | undefined> {
  if (found === undefined) return undefined;
  const { sha256 } = await verifyFile(found.path, undefined, signal);
  if (sha256 === found.sha256) return found;
  await onDamaged(found.path, `it has the SHA-256 ${sha256} instead of ${found.sha256}`);
  return undefined;
}

function foreseen(error: unknown, { file }: ManifestEntry, { folder, from, signal }: PullOptions): unknown {
  if (signal?.aborted) {
    const what =
      from !== undefined
        ? "copying it was stopped"
        : "its download was stopped; the next one goes on where it stopped";
    return new StylizeError("aborted", `Expected ${file} but ${what}.`, { cause: error });
  }
  if (error instanceof StylizeError) return error;
  const { syscall, path } = error as NodeJS.ErrnoException;
  return syscall === undefined ? error : writeFailed(path ?? folder, error);
}

/**
 * Size in bytes and SHA-256 (hexadecimal) of a file, read as a stream.
 *
 * @throws StylizeError `file-not-found` if it can't be read; the signal's reason if that aborts.
 */
export async function verifyFile(
  path: string,
  onProgress?: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of readChunks(path, signal)) {
    hash.update(chunk);
    size += chunk.length;
    onProgress?.(size);
  }
  return { size, sha256: hash.digest("hex") };
}

/**
 * Copies the file at `from`, which a user got by other means, into the cache. It may be the whole one or its part, and
 * checks it while doing so.
 *
 * @throws StylizeError `file-not-found`, `bad-weights` if it is another file, `write-failed`; the signal's reason.
 */
async function copyIn(download: Download, from: string): Promise<CachedFile> {
  const { whole, part } = targetsOf(download);
  const size = await sizeOf(from);
  const target = download.part && part && part.bytes === size ? part : whole;
  const { path, bytes } = target;
  await refuseOther(download, from, size, bytes);
  const copy = `${path}.copy`; // apart from what a download has left, as this may be the wrong file
  const hash = createHash("sha256");
  let received = 0;
  const add = (chunk: Uint8Array) => {
    hash.update(chunk);
    received += chunk.length;
    download.onProgress({ mirror: from, received, total: bytes, resumedAt: 0 });
  };
  try {
    await checkSpace(path, bytes);
    await append(copy, 0, readChunks(from, download.connection.signal), add);
    const sha256 = hash.digest("hex");
    if (sha256 !== target.sha256) {
      throw wrongFile(download, from, `it has the SHA-256 ${sha256} instead of ${target.sha256}`);
    }
    await settle(copy, target);
    return { path, sha256, verified: true };
  } finally {
    await rm(copy, { force: true });
  }
}

async function refuseOther(
  download: Download,
  from: string,
  size: number | undefined,
  bytes: number,
): Promise<void> {
  const chunks = readChunks(from);
  const first = await chunks.next();
  await chunks.return();
  if (!first.done && looksLikeHtml(first.value)) throw wrongFile(download, from, "it is an HTML page");
  if (size !== bytes)
    throw wrongFile(download, from, `it has ${size ?? "an unknown number of"} bytes instead of ${bytes}`);
}

function wrongFile({ entry }: Download, from: string, reason: string): StylizeError {
  return badWeights(`Expected '${from}' to be ${entry.file} but ${reason}.`);
}

/**
 * As `pull`, but fetches no more of the file than holds the convolutions, which is little where they stand first; for
 * files of which no hash of a part is known.
 *
 * What vouches for them is TLS, the checks of loading, and for torchvision's VGG19 the statistics of every layer
 * (preprocessing.ts).
 */
export async function pullConvolutions(entry: ManifestEntry, options: PullOptions): Promise<Pulled> {
  const pulled = await pull(entry, { ...options, part: true, partBytes: convolutionsEnd });
  if (pulled.verified || !pulled.fetched) return pulled;
  try {
    await checkNumbers(pulled.path, entry);
    return pulled;
  } catch (error) {
    await rm(pulled.path, { force: true });
    throw error;
  }
}

/** The byte behind the last convolution; the file may end anywhere behind its directory of tensors. */
async function convolutionsEnd(path: string): Promise<number> {
  await using file = await openTensorFile(path);
  const { naming, layers } = findNetwork(file);
  const ends = layers.flatMap((layer) =>
    ["weight", "bias"].map((kind) => file.tensors.get(`${naming.layerName(layer)}.${kind}`)?.end ?? 0),
  );
  return Math.max(...ends);
}

async function checkNumbers(path: string, { name, preprocessing }: ManifestEntry): Promise<void> {
  await using file = await openTensorFile(path);
  const convolutions = await readConvolutions(file, findNetwork(file));
  if (preprocessing !== "torchvision" || isTorchvision(convolutions)) return;
  throw badWeights(
    `Expected the convolutions of '${name}' to have torchvision's statistics but those that came have others.`,
  );
}
