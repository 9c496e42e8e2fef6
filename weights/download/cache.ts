/**
 * Where downloaded weights lie, and which of them are there. A file gets its final name only after its hash was right.
 * Node has no folders for caches, and their rules are few.
 */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, parse, posix, resolve, win32 } from "node:path";
import { StylizeError } from "../../engine/errors.ts";
import type { ManifestEntry } from "../manifest.ts";

/** Variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The system whose folder is asked for. */
export interface Home {
  /** As `process.platform`. */
  readonly platform: string;
  /** May throw, as Node's does. */
  readonly homedir: () => string;
}

/**
 * The folder for downloaded weights: `weights` in `override`, in `STYLIZE_CACHE`, or in the system's place for what can
 * be had again.
 *
 * That is `%LOCALAPPDATA%\stylize` on Windows, else `stylize` in `XDG_CACHE_HOME` (where that is absolute, as its
 * specification demands), in `~/Library/Caches` on macOS or in `~/.cache`. The home folder of a user who has none is
 * the root, as in containers.
 *
 * @example
 * import { cacheFolder } from "stylize/weights";
 * console.log(cacheFolder(process.env)); // /home/ada/.cache/stylize/weights
 */
export function cacheFolder(
  env: Environment,
  override?: string,
  home: Home = { platform: process.platform, homedir },
): string {
  const chosen = override || env.STYLIZE_CACHE;
  if (chosen) return resolve(chosen, "weights");
  const { join } = home.platform === "win32" ? win32 : posix;
  return join(systemCache(env, home), "stylize", "weights");
}

function systemCache(env: Environment, { platform, homedir }: Home): string {
  const folder = () => {
    try {
      return homedir() || "/"; // HOME may be there and empty
    } catch {
      return "/";
    }
  };
  if (platform === "win32") return env.LOCALAPPDATA || win32.join(folder(), "AppData", "Local");
  const { XDG_CACHE_HOME: xdg } = env;
  if (xdg && posix.isAbsolute(xdg)) return xdg;
  return posix.join(folder(), platform === "darwin" ? "Library/Caches" : ".cache");
}

/** What is known of a file with convolutions for which no hash was published. */
export interface PartRecord {
  /** SHA-256 of the whole file whose beginning it is, as the manifest has it. */
  readonly of: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Where it came from. */
  readonly mirror: string;
}

export interface CachedFile {
  readonly path: string;
  readonly sha256: string;
  /** Whether that is a hash from the manifest; otherwise it is the one that the download happened to have. */
  readonly verified: boolean;
}

/** `<stem>.convolutions<ext>`: the beginning of the file, up to the end of the last convolution. */
export function convolutionsName(file: string): string {
  const { name, ext } = parse(file);
  return `${name}.convolutions${ext}`;
}

export function recordPath(part: string): string {
  return `${part}.json`;
}

/** The path of the downloaded file in `folder`: the whole one, else the part with the convolutions, else undefined. */
export async function cachedPath(entry: ManifestEntry, folder: string): Promise<string | undefined> {
  const whole = await cachedWhole(entry, folder);
  return (whole ?? (await cachedPart(entry, folder)))?.path;
}

/** The whole file by its name and size; its hash is what it should be. */
export async function cachedWhole(entry: ManifestEntry, folder: string): Promise<CachedFile | undefined> {
  const path = join(folder, entry.file);
  const size = await sizeOf(path);
  if (size === undefined || size !== (entry.size ?? size)) return undefined;
  return { path, sha256: entry.sha256, verified: true };
}

/** The same of the part with the convolutions. */
export async function cachedPart(entry: ManifestEntry, folder: string): Promise<CachedFile | undefined> {
  const path = join(folder, convolutionsName(entry.file));
  const record = await readJson<PartRecord>(recordPath(path));
  const known = entry.convolutions ?? (record?.of === entry.sha256 ? record : undefined);
  // A record is there only where the hash was unknown: the bytes may differ from those that became known later.
  if (known === undefined || (record && record.sha256 !== known.sha256)) return undefined;
  if ((await sizeOf(path)) !== known.bytes) return undefined;
  return { path, sha256: known.sha256, verified: entry.convolutions !== undefined };
}

/** The file's bytes in order. Throws `file-not-found` if they can't be read, or the signal's reason. */
export async function* readChunks(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20, signal });
  } catch (cause) {
    signal?.throwIfAborted();
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason =
      code === "ENOENT" || code === "ENOTDIR" ? "there is no such file" : `it can't be read: ${message}`;
    throw new StylizeError("file-not-found", `Expected weights in '${path}' but ${reason}.`, { cause });
  }
}

/** Bytes of the file; undefined where there is none, or something else. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where there is no such file, or none with JSON: it was cut off while being written. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}
