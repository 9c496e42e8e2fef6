/** What was found out about adapters' kernels, in files beside fetched networks: one for each adapter and driver. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../engine/make-folder.ts";
import type { TuningStore } from "../engine/tuning-store.ts";
import { writeFailed, writeFileSafely } from "../pictures/write-file.ts";
import { cacheFolder, type Environment } from "./download/cache.ts";

/**
 * Files that keep what `stylize` finds out about a GPU's kernels, as `stylize tune` writes and the command reads them.
 *
 * @example
 * ```ts
 * import { type StylizeOptions, stylize } from "stylize";
 * import { TuningFiles } from "stylize/weights";
 *
 * export const tuned = (options: StylizeOptions) => stylize({ ...options, tuning: new TuningFiles(process.env) });
 * ```
 */
export class TuningFiles implements TuningStore {
  readonly #folder: string;

  /** `cache`: instead of the system's place for what can be had again; see `cacheFolder`. */
  constructor(env: Environment, cache?: string) {
    this.#folder = join(dirname(cacheFolder(env, cache)), "tuning");
  }

  pathOf(fingerprint: string): string {
    const name = createHash("sha256").update(fingerprint).digest("hex").slice(0, 16);
    return join(this.#folder, `${name}.json`);
  }

  async read(fingerprint: string): Promise<string | undefined> {
    return await readFile(this.pathOf(fingerprint), "utf8").catch(() => undefined);
  }

  /** Throws `write-failed`. */
  async write(fingerprint: string, text: string): Promise<void> {
    const path = this.pathOf(fingerprint);
    try {
      makeFolder(this.#folder);
    } catch (cause) {
      throw writeFailed(path, cause);
    }
    await writeFileSafely(path, Buffer.from(text));
  }
}
