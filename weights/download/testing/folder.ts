/** A cache of its own for each test, and downloads into it that no proxy of this machine disturbs. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { ManifestEntry } from "../../manifest.ts";
import { type DownloadProgress, type Pulled, type PullOptions, pull } from "../pull.ts";
import { sha256Of } from "./server.ts";

export class TestFolder {
  path = "";
  notes: string[] = [];
  progress: DownloadProgress[] = [];

  /** For one file of tests: the folder is made before each test and removed after it. */
  constructor() {
    beforeEach(async () => {
      this.path = await mkdtemp(join(tmpdir(), "stylize-download-"));
      this.notes = [];
      this.progress = [];
    });
    afterEach(() => rm(this.path, { recursive: true }));
  }

  of(name: string): string {
    return join(this.path, name);
  }

  pull(entry: ManifestEntry, options: Partial<PullOptions> = {}): Promise<Pulled> {
    return pull(entry, {
      folder: this.path,
      env: {},
      onNote: (sentence) => this.notes.push(sentence),
      onProgress: (record) => this.progress.push(record),
      ...options,
    });
  }

  /** Leaves what a download leaves that broke off: the first bytes, and where they came from. */
  async leavePart(name: string, bytes: Uint8Array, origin?: object): Promise<void> {
    await writeFile(this.of(`${name}.part`), bytes);
    if (origin) await writeFile(this.of(`${name}.part.json`), JSON.stringify(origin));
  }

  async names(): Promise<string[]> {
    return (await readdir(this.path)).sort();
  }

  async sha256(name: string): Promise<string> {
    return sha256Of(await readFile(this.of(name)));
  }
}
