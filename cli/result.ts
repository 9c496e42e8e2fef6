/** The files of a run: the output, written in between, at the end and when something goes wrong, and the trace. */

import { accessSync, closeSync, constants, existsSync, openSync, writeSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, parse, resolve } from "node:path";
import { StylizeError } from "../engine/errors.ts";
import type { Iterate } from "../engine/iterate.ts";
import type { Picture } from "../engine/picture.ts";
import { type EncodeOptions, savePicture, writeFailed } from "../pictures/index.ts";
import { jsonLine } from "./io.ts";
import type { Reporter, Saved } from "./progress.ts";

/** The picture that a run writes to `path`. */
export function resultAt(path: string, options: EncodeOptions, reporter: Reporter) {
  const begin = performance.now();
  let last: Iterate | undefined;
  const save = async (place: string, picture: Picture, state: Saved["state"]): Promise<void> => {
    await savePicture(place, picture, options);
    const { width, height } = picture;
    const { totalStep: step = 0, totalSteps: steps = 0 } = last ?? {};
    const seconds = (performance.now() - begin) / 1000;
    reporter.saved({ path: place, width, height, step, steps, state, seconds });
  };
  return {
    step(iterate: Iterate): void {
      last = iterate;
    },
    /** Whether there is anything that the content is not. */
    hasSteps: () => last !== undefined,
    /** A picture on the way: if it can't be written, the run goes on. */
    async saveOnTheWay(picture: Picture): Promise<void> {
      try {
        await save(path, picture, "running");
      } catch (error) {
        if (!(error instanceof StylizeError)) throw error;
        reporter.note(error.message);
      }
    },
    /** The last picture of a run, elsewhere if it can't be written there. */
    saveLast: (picture: Picture, state: "done" | "stopped" | "failed") =>
      orElsewhere(path, (place) => save(place, picture, state)),
  };
}

/** Saves at `path` or, where that fails, in the system's folder for temporary files; then the error says so. */
export async function orElsewhere(path: string, save: (path: string) => Promise<void>): Promise<void> {
  try {
    await save(path);
  } catch (error) {
    if (!(error instanceof StylizeError)) throw error;
    const rescue = join(tmpdir(), `${parse(basename(path)).name}-${process.pid}.png`);
    await save(rescue).catch(() => {
      throw error;
    });
    const sentence = error.message.replace(/\.$/, "");
    throw new StylizeError(error.code, `${sentence}; the picture is in '${rescue}' instead.`, {
      cause: error,
    });
  }
}

/** Of `--trace`. Throws `write-failed` where one could not be started, and changes nothing. */
export function checkTrace(path: string): void {
  try {
    if (existsSync(path)) closeSync(openSync(path, constants.O_WRONLY));
    else accessSync(`${dirname(path)}/.`, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

/** `--trace FILE`: the losses of each step, one JSON object a line. */
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
      writeSync(this.#file, jsonLine(record));
    } catch (cause) {
      throw writeFailed(this.#path, cause);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

/**
 * Throws `bad-option` where a file that is to be written is one of `inputs`, or another that is to be. `outputs`: paths
 * by flag.
 */
export async function refuseTaken(
  inputs: readonly (string | undefined)[],
  outputs: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const place = (path: string) => realpath(path).catch(() => resolve(path));
  const taken = await Promise.all(inputs.filter((path) => path !== undefined).map(place));
  for (const [flag, path] of Object.entries(outputs)) {
    if (path === undefined) continue;
    const at = await place(path);
    if (taken.includes(at)) {
      const message = `Expected ${flag} to be a file that this run uses for nothing else but received '${path}'.`;
      throw new StylizeError("bad-option", message);
    }
    taken.push(at);
  }
}
