/** `--trace FILE`: the losses of each step, one JSON object a line. */
import { accessSync, closeSync, constants, existsSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Iterate } from "../engine/iterate.ts";
import { writeFailed } from "../pictures/index.ts";

/** Throws `write-failed` where a trace could not be started, and changes nothing. */
export function checkTrace(path: string): void {
  try {
    if (existsSync(path)) closeSync(openSync(path, constants.O_WRONLY));
    else accessSync(`${dirname(path)}/.`, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

export class Trace implements Disposable {
  readonly #path: string;
  readonly #file: number;

  /** Starts an empty file. Throws `write-failed`, as `write` does. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, "w");
    } catch (cause) {
      throw writeFailed(path, cause);
    }
  }

  /** {scale, width, height, step, total, content, one entry a style layer, tv, ms}; losses are weighted. */
  write({ scale, width, height, step, loss, content, style, tv, ms }: Iterate): void {
    const record = { scale, width, height, step, total: loss, content, ...style, tv, ms };
    try {
      writeSync(this.#file, `${JSON.stringify(record)}\n`);
    } catch (cause) {
      throw writeFailed(this.#path, cause);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
