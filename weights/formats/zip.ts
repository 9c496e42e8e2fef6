/**
 * Zip archives, as far as torch.save writes them: entries that are stored, not compressed, each of which can be read
 * where it lies.
 *
 * By hand, since Node has none, and how far a damaged or hostile archive is believed is decided here. Source:
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (sections 4.3 and 4.5.3). Names are only
 * compared: nothing is ever unpacked.
 */
import { type ByteSource, badWeights, quoted } from "./byte-source.ts";

export interface ZipEntry {
  readonly name: string;
  /** 0: stored. */
  readonly method: number;
  readonly encrypted: boolean;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Of its local header, from the start of the file. */
  readonly headerAt: number;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const LOCAL_SIZE = 30;
const CENTRAL_SIZE = 46;
const END_SIZE = 22;
const END64_SIZE = 56;
const LOCATOR64_SIZE = 20;
const MAX_COMMENT = 0xffff;
/** A directory of 100,000 entries takes less. */
const MAX_DIRECTORY = 2 ** 25;
/** Stands where the number itself is in a zip64 record. */
const ELSEWHERE = 0xffffffff;

const utf8 = new TextDecoder();

interface Directory {
  readonly begin: number;
  readonly size: number;
  readonly count: number;
  /** Of the record that tells this, which must lie behind the directory at once. */
  readonly end: number;
}

/** The archive's entries by name, in its order. */
export async function readZipDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { begin, size, count } = await findDirectory(source);
  if (size > MAX_DIRECTORY || count * CENTRAL_SIZE > size)
    throw damaged(source, "its directory's size is wrong");
  const bytes = await source.read(begin, begin + size);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_SIZE > size) throw damaged(source, "its directory ends too early");
    const { entry, length } = parseEntry(source, bytes, at);
    if (entries.has(entry.name)) throw damaged(source, `it has two entries ${quoted(entry.name)}`);
    entries.set(entry.name, entry);
    at += length;
  }
  if (at !== size) throw damaged(source, "its directory's size is wrong");
  return entries;
}

/** Reads the records at the end of the file, which say where the directory is. */
async function findDirectory(source: ByteSource): Promise<Directory> {
  const tailAt = Math.max(0, source.size - END_SIZE - MAX_COMMENT);
  const tail = new DataView((await source.read(tailAt, source.size)).buffer);
  let at = tail.byteLength - END_SIZE;
  while (at >= 0 && !(tail.getUint32(at, true) === END && commentFits(tail, at))) at--;
  if (at < 0) throw damaged(source, "it is cut short before its directory");
  const endAt = tailAt + at;
  const usual = {
    count: tail.getUint16(at + 10, true),
    size: tail.getUint32(at + 12, true),
    begin: tail.getUint32(at + 16, true),
    end: endAt,
  };
  const directory = (await findZip64Directory(source, endAt)) ?? usual;
  if (directory.begin + directory.size !== directory.end)
    throw damaged(source, "its directory isn't where it says");
  return directory;
}

function commentFits(tail: DataView, at: number): boolean {
  return at + END_SIZE + tail.getUint16(at + 20, true) === tail.byteLength;
}

/**
 * As the zip64 record says, if there is one before its locator before the usual record at `endAt`. PyTorch always
 * writes it.
 */
async function findZip64Directory(source: ByteSource, endAt: number): Promise<Directory | undefined> {
  const begin = endAt - LOCATOR64_SIZE - END64_SIZE;
  if (begin < 0) return undefined;
  const view = new DataView((await source.read(begin, endAt)).buffer);
  const isThere =
    view.getUint32(0, true) === END64 &&
    view.getUint32(END64_SIZE, true) === LOCATOR64 &&
    u64(view, END64_SIZE + 8) === begin;
  if (!isThere) return undefined;
  return { count: u64(view, 32), size: u64(view, 40), begin: u64(view, 48), end: begin };
}

function parseEntry(source: ByteSource, bytes: Uint8Array, at: number): { entry: ZipEntry; length: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (view.getUint32(0, true) !== CENTRAL) throw damaged(source, "its directory has an entry that is none");
  const nameLength = view.getUint16(28, true);
  const extraLength = view.getUint16(30, true);
  const extraAt = CENTRAL_SIZE + nameLength;
  const length = extraAt + extraLength + view.getUint16(32, true);
  if (length > view.byteLength) throw damaged(source, "its directory ends too early");
  const extra = new DataView(bytes.buffer, view.byteOffset + extraAt, extraLength);
  const [size, compressedSize, headerAt] = zip64Numbers(
    extra,
    [24, 20, 42].map((i) => view.getUint32(i, true)),
  );
  const entry: ZipEntry = {
    name: utf8.decode(bytes.subarray(at + CENTRAL_SIZE, at + extraAt)),
    method: view.getUint16(10, true),
    encrypted: (view.getUint16(8, true) & 1) === 1,
    crc: view.getUint32(16, true),
    compressedSize: compressedSize!,
    size: size!,
    headerAt: headerAt!,
  };
  return { entry, length };
}

/**
 * `numbers`, those of them that are elsewhere taken from the zip64 record of `extra`, where they follow one another; as
 * they are if it lacks them.
 */
function zip64Numbers(extra: DataView, numbers: readonly number[]): number[] {
  let at = 0;
  while (at + 4 <= extra.byteLength && extra.getUint16(at, true) !== 1)
    at += 4 + extra.getUint16(at + 2, true);
  at += 4;
  return numbers.map((number) => {
    if (number !== ELSEWHERE || at + 8 > extra.byteLength) return number;
    at += 8;
    return u64(extra, at - 8);
  });
}

/**
 * Where an entry's bytes begin.
 *
 * @throws StylizeError `bad-weights` if it is compressed or its local header isn't where the directory says.
 */
export async function locateEntry(source: ByteSource, entry: ZipEntry): Promise<number> {
  const { name, method, encrypted, size, compressedSize, headerAt } = entry;
  if (method !== 0 || encrypted)
    throw badWeights(
      `Expected a zip archive as torch.save writes it in '${source.path}' but its entry ` +
        `${quoted(name)} is ${encrypted ? "encrypted" : "compressed"}: save it again with torch.save.`,
    );
  if (size !== compressedSize) throw damaged(source, `its entry ${quoted(name)} has two sizes`);
  const header = new DataView((await source.read(headerAt, headerAt + LOCAL_SIZE)).buffer);
  if (header.getUint32(0, true) !== LOCAL)
    throw damaged(source, `its entry ${quoted(name)} isn't where it says`);
  const nameAt = headerAt + LOCAL_SIZE;
  const nameEnd = nameAt + header.getUint16(26, true);
  if (utf8.decode(await source.read(nameAt, nameEnd)) !== name)
    throw damaged(source, `its entry ${quoted(name)} has two names`);
  return nameEnd + header.getUint16(28, true);
}

/** Rounded where it is above 2^53: no offset that large is in a file. */
function u64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

/** `what` follows "but". */
export function damaged(source: ByteSource, what: string): Error {
  return badWeights(`Expected a whole zip archive in '${source.path}' but ${what}: get it again.`);
}
