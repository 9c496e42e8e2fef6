/**
 * The format of torch.save since PyTorch 1.6: a zip archive with a pickle `<any>/data.pkl` and each storage as
 * `<any>/data/<key>`.
 *
 * Source: https://github.com/pytorch/pytorch/blob/main/torch/serialization.py, `_save`, and
 * caffe2/serialize/inline_container.h.
 */
import { crc32 } from "node:zlib";
import { type ByteSource, badWeights, quoted } from "./byte-source.ts";
import { foreignArchive } from "./foreign.ts";
import { unpickle } from "./pickle.ts";
import { PickleCursor } from "./pickle-cursor.ts";
import { flattenTensors, StateDictHost } from "./state-dict.ts";
import type { TensorFile } from "./tensor-file.ts";
import { type Storage, type StoragePlace, torchFile } from "./torch-file.ts";
import { damaged, locateEntry, readZipDirectory, type ZipEntry } from "./zip.ts";

/** The pickle of VGG19 takes 4 KB. */
const MAX_PICKLE = 2 ** 25;

export async function readTorchZip(source: ByteSource): Promise<TensorFile> {
  const entries = await readZipDirectory(source);
  const names = [...entries.keys()];
  const root = names[0]?.split("/")[0];
  const pickle = entries.get(`${root}/data.pkl`);
  if (!pickle || entries.has(`${root}/constants.pkl`))
    throw badWeights(`Expected a state dict in '${source.path}' but it is ${foreignArchive(names)}.`);
  await checkByteOrder(source, entries.get(`${root}/byteorder`));
  if (pickle.size > MAX_PICKLE) throw damaged(source, `its pickle has ${pickle.size} bytes`);
  const bytes = await readEntry(source, pickle);
  const cursor = new PickleCursor(source.path, bytes, bytes.length);
  const host = new StateDictHost(cursor);
  const tensors = flattenTensors(unpickle(cursor, host), cursor);
  const places = new Map<string, StoragePlace>();
  for (const { storage } of tensors.values())
    if (!places.has(storage.key))
      places.set(
        storage.key,
        await placeStorage(source, entries.get(`${root}/data/${storage.key}`), storage),
      );
  return torchFile(source, "torch-zip", tensors, places);
}

/** Versions before 2.1 don't say, and wrote little-endian on any system that has WebGPU. */
async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  const order =
    entry && entry.size <= 16 ? new TextDecoder().decode(await readEntry(source, entry)) : "little";
  if (order.trim() !== "little")
    throw badWeights(
      `Expected little-endian numbers in '${source.path}' but its byte order is ${quoted(order)}: ` +
        `save it again on another machine.`,
    );
}

async function placeStorage(
  source: ByteSource,
  entry: ZipEntry | undefined,
  storage: Storage,
): Promise<StoragePlace> {
  if (!entry) throw damaged(source, `it lacks its storage ${quoted(storage.key)}`);
  if (entry.size !== storage.bytes)
    throw damaged(
      source,
      `its storage ${quoted(storage.key)} has ${entry.size} bytes where its pickle says ${storage.bytes}`,
    );
  const begin = await locateEntry(source, entry);
  if (begin + entry.size > source.size)
    throw damaged(source, `its entry ${quoted(entry.name)} ends behind it`);
  const check = (bytes: Uint8Array) => {
    if (bytes.length === entry.size) checkSum(source, entry, bytes);
  };
  return { begin, check };
}

async function readEntry(source: ByteSource, entry: ZipEntry): Promise<Uint8Array> {
  const begin = await locateEntry(source, entry);
  const bytes = await source.read(begin, begin + entry.size);
  checkSum(source, entry, bytes);
  return bytes;
}

/** A sum of 0 is that of torch.serialization.set_crc32_options(False): none. */
function checkSum(source: ByteSource, entry: ZipEntry, bytes: Uint8Array): void {
  if (entry.crc !== 0 && crc32(bytes) !== entry.crc)
    throw damaged(source, `the checksum of its entry ${quoted(entry.name)} is wrong`);
}
