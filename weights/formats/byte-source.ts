/** A file of weights as bytes: any range of it can be read. */
import { cutShort } from "./errors.ts";

/** Whoever opened it closes it. */
export interface ByteSource {
  /** What errors call it. */
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  /**
   * The bytes in [begin, end), in a buffer of their own. Nothing is allocated for a range that is not there.
   *
   * @throws StylizeError `bad-weights` where the file ends before them.
   */
  read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** What was fetched. `path`: what errors call it. */
export function blobSource(blob: Blob, path: string): ByteSource {
  const { size } = blob;
  return {
    path,
    size,
    async read(begin, end) {
      if (end > size) throw cutShort(path, end, size);
      return new Uint8Array(await blob.slice(begin, end).arrayBuffer());
    },
    close: async () => {},
  };
}
