/** How large a file is of which the manifest knows only the hash. */
import type { ManifestEntry } from "../manifest.ts";
import type { Connection } from "./connection.ts";
import { MirrorFailure } from "./mirror-failure.ts";
import { allFailed } from "./mirrors.ts";
import { get } from "./transport.ts";

/**
 * Bytes of the entry's file, as the first mirror says that answers.
 *
 * @throws StylizeError `download-failed` where none does; the signal's reason.
 */
export async function askSize(entry: ManifestEntry, connection: Connection): Promise<number> {
  const failures = new Map<string, string>();
  for (const mirror of entry.mirrors) {
    try {
      const answer = await get(mirror, { range: "bytes=0-0" }, connection);
      answer.close();
      const [, total] = /\/(\d+)$/.exec(`${answer.headers["content-range"]}`) ?? [];
      const size = Number(answer.status === 206 ? total : answer.headers["content-length"]);
      if (Number.isSafeInteger(size) && size > 0) return size;
      failures.set(mirror, "received no size");
    } catch (error) {
      if (!(error instanceof MirrorFailure)) throw error;
      failures.set(mirror, error.message);
    }
  }
  throw allFailed(entry, failures);
}
