/** Opens files of weights on disk, whatever their format. */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { StylizeError } from "../../engine/errors.ts";
import { type ByteSource, badWeights, cutShort } from "./byte-source.ts";
import { foreignFile } from "./foreign.ts";
import { readSafetensors } from "./safetensors.ts";
import type { Format, TensorFile } from "./tensor-file.ts";
import { readTorchLegacy } from "./torch-legacy.ts";
import { readTorchZip } from "./torch-zip.ts";

const readers: Readonly<Record<Format, (source: ByteSource) => Promise<TensorFile>>> = {
  safetensors: readSafetensors,
  "torch-zip": readTorchZip,
  "torch-legacy": readTorchLegacy,
};

/** Enough to tell a tar archive. */
const START = 512;
/** Node.js reads less than 2 GiB at once. */
const MAX_READ = 2 ** 30;
/** Later protocols begin with their number. */
const MAGIC_IN_PROTOCOL_1 = "L119547037146038801333356L\n";

/**
 * Opens a file of weights and reads its directory of tensors; the format shows in its first bytes. The caller closes
 * it.
 *
 * Reads safetensors and what torch.save has written since 2017. No code in a file is run.
 * A file may lack its end, as long as its directory is whole; a zip archive's is its end.
 *
 * @throws StylizeError `file-not-found` or `bad-weights`, naming the file and what is wrong with it.
 */
export async function openTensorFile(path: string): Promise<TensorFile> {
  const source = await openFileSource(path);
  try {
    const start = await source.read(0, Math.min(source.size, START));
    const format = formatOf(start);
    if (format) return await readers[format](source);
    throw badWeights(
      `Expected a weights file (safetensors or PyTorch) but '${path}' is ${foreignFile(start)}.`,
    );
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

function formatOf(start: Uint8Array): Format | undefined {
  const text = Buffer.from(start).toString("latin1");
  if (text[8] === "{") return "safetensors"; // the header's length before it may look like anything
  if (text.startsWith("PK\x03\x04")) return "torch-zip";
  const isPickle = start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5;
  if (isPickle || text.startsWith(MAGIC_IN_PROTOCOL_1)) return "torch-legacy";
  return undefined;
}

/** @throws StylizeError `file-not-found`, or `bad-weights` if there is no permission or it is no regular file. */
async function openFileSource(path: string): Promise<ByteSource> {
  const file = await openFile(path);
  try {
    const info = await file.stat();
    if (!info.isFile())
      throw badWeights(
        `Expected a weights file but '${path}' is a ${info.isDirectory() ? "folder" : "device or pipe"}.`,
      );
    return fileSource(path, info.size, file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function fileSource(path: string, size: number, file: FileHandle): ByteSource {
  return {
    path,
    size,
    async read(begin, end) {
      if (end > size) throw cutShort(path, end, size);
      const bytes = new Uint8Array(end - begin);
      let done = 0;
      while (done < bytes.length) {
        const length = Math.min(bytes.length - done, MAX_READ);
        const { bytesRead } = await file.read(bytes, done, length, begin + done);
        if (bytesRead === 0) throw cutShort(path, end, begin + done);
        done += bytesRead;
      }
      return bytes;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // or a pipe would be waited for
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new StylizeError("file-not-found", `Expected a weights file but there is no file '${path}'.`);
    const reason = code === "EACCES" ? "there is no permission to" : message;
    throw badWeights(`Expected to read '${path}' but ${reason}.`, cause);
  }
}
