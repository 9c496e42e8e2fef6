/** A file that a user got by other means, into the cache. */
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { StylizeError } from "../../engine/errors.ts";
import { type CachedFile, readChunks, sizeOf } from "./cache.ts";
import { type Job, targetsOf } from "./mirrors.ts";
import { append, checkSpace, settle } from "./part-file.ts";
import { looksLikeHtml } from "./transfer.ts";

/**
 * Copies the file at `from`, which may be the whole one or its part, and checks it while doing so.
 *
 * @throws StylizeError `file-not-found`, `bad-weights` if it is another file, `write-failed`; the signal's reason.
 */
export async function copyIn(job: Job, from: string): Promise<CachedFile> {
  const { whole, part } = targetsOf(job);
  const size = await sizeOf(from);
  const target = job.part && part && part.bytes === size ? part : whole;
  const { path, bytes } = target;
  await refuseOther(job, from, size, bytes);
  const copy = `${path}.copy`; // apart from what a download has left, as this may be the wrong file
  const hash = createHash("sha256");
  let received = 0;
  const add = (chunk: Uint8Array) => {
    job.connection.signal?.throwIfAborted();
    hash.update(chunk);
    received += chunk.length;
    job.onProgress({ mirror: from, received, total: bytes, resumedAt: 0 });
  };
  try {
    await checkSpace(path, bytes);
    await append(copy, 0, readChunks(from), add);
    const sha256 = hash.digest("hex");
    if (sha256 !== target.sha256) {
      throw wrongFile(job, from, `it has the SHA-256 ${sha256} instead of ${target.sha256}`);
    }
    await settle(copy, target);
    return { path, sha256, verified: true };
  } finally {
    await rm(copy, { force: true });
  }
}

async function refuseOther(job: Job, from: string, size: number | undefined, bytes: number): Promise<void> {
  const chunks = readChunks(from);
  const first = await chunks.next();
  await chunks.return();
  if (!first.done && looksLikeHtml(first.value)) throw wrongFile(job, from, "it is an HTML page");
  if (size !== bytes)
    throw wrongFile(job, from, `it has ${size ?? "an unknown number of"} bytes instead of ${bytes}`);
}

function wrongFile({ entry }: Job, from: string, reason: string): StylizeError {
  return new StylizeError("bad-weights", `Expected '${from}' to be ${entry.file} but ${reason}.`);
}
