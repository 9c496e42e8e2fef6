/** A file on disk as a source of bytes. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { StylizeError } from "../../engine/errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { badWeights, cutShort } from "./errors.ts";

/** Node.js reads less than 2 GiB at once. */
const MAX_READ = 2 ** 30;

class FileSource implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly #file: FileHandle;

  constructor(path: string, size: number, file: FileHandle) {
    this.path = path;
    this.size = size;
    this.#file = file;
  }

  async read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    if (end > this.size) throw cutShort(this.path, end, this.size);
    const bytes = new Uint8Array(end - begin);
    let done = 0;
    while (done < bytes.length) {
      const length = Math.min(bytes.length - done, MAX_READ);
      const { bytesRead } = await this.#file.read(bytes, done, length, begin + done);
      if (bytesRead === 0) throw cutShort(this.path, end, begin + done);
      done += bytesRead;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** @throws StylizeError `file-not-found`, or `bad-weights` if there is no permission or it is no regular file. */
export async function openFileSource(path: string): Promise<ByteSource> {
  const file = await openFile(path);
  try {
    const info = await file.stat();
    if (!info.isFile())
      throw badWeights(
        `Expected a weights file but '${path}' is a ${info.isDirectory() ? "folder" : "device or pipe"}.`,
      );
    return new FileSource(path, info.size, file);
  } catch (error) {
    await file.close();
    throw error;
  }
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
