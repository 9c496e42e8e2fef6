/**
 * The format of torch.save before PyTorch 1.6: pickles of a magic number, a protocol version, facts on the system that
 * wrote it, the object itself and the list of its storages' keys; then, for each key, a count of elements (i64) and the
 * elements.
 *
 * Everything behind the pickles is little-endian, whatever the system was. Source:
 * https://github.com/pytorch/pytorch/blob/main/torch/serialization.py, `_legacy_save`.
 */
import { type ByteSource, badWeights, quoted } from "./byte-source.ts";
import { elementSizes } from "./dtypes.ts";
import { unpickle } from "./pickle.ts";
import { MoreNeeded, PickleCursor } from "./pickle-cursor.ts";
import { flattenTensors, StateDictHost } from "./state-dict.ts";
import type { TensorFile } from "./tensor-file.ts";
import { type Storage, type StoragePlace, torchFile } from "./torch-file.ts";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
/** The pickles of VGG19 take 4 KB. */
const FIRST_READ = 2 ** 16;
const MAX_PICKLES = 2 ** 26;
/** Bytes before each storage: its count of elements. */
const COUNT = 8;

/** Reads the pickles, however much follows. The storages may be cut short: that shows when a tensor is read. */
export async function readTorchLegacy(source: ByteSource): Promise<TensorFile> {
  for (let length = FIRST_READ; length <= MAX_PICKLES; length *= 4) {
    const bytes = await source.read(0, Math.min(length, source.size));
    try {
      return parse(source, new PickleCursor(source.path, bytes, source.size));
    } catch (error) {
      if (!(error instanceof MoreNeeded)) throw error;
    }
  }
  throw badWeights(
    `Expected a state dict in '${source.path}' but its pickles take more than ${MAX_PICKLES} bytes.`,
  );
}

function parse(source: ByteSource, cursor: PickleCursor): TensorFile {
  const host = new StateDictHost(cursor);
  if (unpickle(cursor, host) !== MAGIC) return cursor.fail("it is a pickle that torch.save didn't write");
  const protocol = unpickle(cursor, host);
  if (protocol !== PROTOCOL) return cursor.fail(`its protocol is not ${PROTOCOL}, the only one there is`);
  unpickle(cursor, host);
  const tensors = flattenTensors(unpickle(cursor, host), cursor);
  const keys = unpickle(cursor, host);
  return torchFile(source, "torch-legacy", tensors, placeStorages(source, cursor, host.storages, keys));
}

function placeStorages(
  source: ByteSource,
  cursor: PickleCursor,
  storages: ReadonlyMap<string, Storage>,
  keys: unknown,
): ReadonlyMap<string, StoragePlace> {
  const places = new Map<string, StoragePlace>();
  let at = cursor.position;
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = storages.get(key);
    if (!storage || places.has(key)) continue;
    const countAt = at;
    places.set(key, { begin: at + COUNT, check: () => checkCount(source, storage, countAt) });
    at += COUNT + storage.bytes;
  }
  if (!Array.isArray(keys) || keys.length !== places.size || places.size !== storages.size)
    return cursor.fail("its list of storages isn't that of its tensors: it is damaged, get it again");
  return places;
}

/** A storage out of place shows by its count. */
async function checkCount(source: ByteSource, storage: Storage, at: number): Promise<void> {
  const count = new DataView((await source.read(at, at + COUNT)).buffer).getBigInt64(0, true);
  const expected = storage.bytes / elementSizes.get(storage.dtype)!;
  if (count !== BigInt(expected))
    throw badWeights(
      `Expected ${expected} elements in storage ${quoted(storage.key)} of '${source.path}' but it ` +
        `says ${count}: it is damaged, get it again.`,
    );
}
