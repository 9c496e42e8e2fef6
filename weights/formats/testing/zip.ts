/** Zip archives for tests, sound ones and such as lie about themselves. */
import { crc32 } from "node:zlib";
import { bytes } from "./pickle.ts";

export interface TestEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  /** What the directory says. */
  readonly size?: number;
  readonly compressedSize?: number;
  readonly headerAt?: number;
  readonly extra?: Uint8Array;
  /** What the local header says. */
  readonly localName?: string;
  readonly signature?: number;
}

export interface TestZip {
  readonly comment?: string;
  /** What the record at the end says. */
  readonly count?: number;
  readonly directorySize?: number;
  readonly directoryAt?: number;
}

/** Little-endian numbers, each of as many bytes as stand before it. */
function fields(...pairs: readonly (readonly [size: 2 | 4, value: number])[]): Uint8Array {
  return bytes(
    ...pairs.map(([size, value]) => {
      const view = new DataView(new ArrayBuffer(size));
      if (size === 2) view.setUint16(0, value, true);
      else view.setUint32(0, value, true);
      return new Uint8Array(view.buffer);
    }),
  );
}

function localHeader({
  name,
  localName = name,
  signature = 0x04034b50,
  extra = bytes(),
}: TestEntry): Uint8Array {
  const start = fields([4, signature], [2, 20], [2, 8], [2, 0], [4, 0], [4, 0], [4, 0], [4, 0]);
  return bytes(start, fields([2, localName.length], [2, extra.length]), localName, extra);
}

function directoryEntry(entry: TestEntry, at: number): Uint8Array {
  const { name, data, extra = bytes(), method = 0, flags = 8, headerAt = at } = entry;
  const { crc = crc32(data), size = data.length, compressedSize = data.length } = entry;
  return bytes(
    fields([4, 0x02014b50], [2, 20], [2, 20], [2, flags], [2, method], [4, 0], [4, crc]),
    fields([4, compressedSize], [4, size], [2, name.length], [2, extra.length], [2, 0]),
    fields([2, 0], [2, 0], [4, 0], [4, headerAt]),
    name,
    extra,
  );
}

export function zip(entries: readonly TestEntry[], says: TestZip = {}): Uint8Array {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const entry of entries) {
    const file = bytes(localHeader(entry), entry.data);
    directory.push(directoryEntry(entry, at));
    files.push(file);
    at += file.length;
  }
  const joined = bytes(...directory);
  const { comment = "", count = entries.length, directorySize = joined.length, directoryAt = at } = says;
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, directorySize]);
  return bytes(...files, joined, end, fields([4, directoryAt], [2, comment.length]), comment);
}

/** The entries that torch.save would write. */
export function torchEntries(
  object: Uint8Array,
  storages: Readonly<Record<string, readonly number[]>> = {},
): TestEntry[] {
  return [
    { name: "archive/data.pkl", data: object },
    ...Object.entries(storages).map(([key, values]) => ({
      name: `archive/data/${key}`,
      data: new Uint8Array(Float32Array.from(values).buffer),
    })),
  ];
}
