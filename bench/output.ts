/** Where results go. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** What a kind of benchmark comes back with. */
export interface Found<Report> {
  /** Markdown. */
  readonly text: string;
  /** For --json. */
  readonly report: Report;
  /** Sentences: what failed. */
  readonly problems: readonly string[];
}

export function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  say(`wrote ${file}`);
}

export function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
