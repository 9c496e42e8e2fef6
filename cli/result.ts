/** The output file of a run: written in between, at the end, and when something goes wrong. */
import { tmpdir } from "node:os";
import { basename, join, parse } from "node:path";
import { StylizeError } from "../engine/errors.ts";
import type { Iterate } from "../engine/iterate.ts";
import type { Picture } from "../engine/picture.ts";
import { type EncodeOptions, savePicture } from "../pictures/index.ts";
import type { Reporter, Saved } from "./progress.ts";

export class Result {
  readonly #path: string;
  readonly #options: EncodeOptions;
  readonly #reporter: Reporter;
  readonly #begin = performance.now();
  #last: Iterate | undefined;

  constructor(path: string, options: EncodeOptions, reporter: Reporter) {
    this.#path = path;
    this.#options = options;
    this.#reporter = reporter;
  }

  /** Whether there is anything that the content is not. */
  get hasSteps(): boolean {
    return this.#last !== undefined;
  }

  step(iterate: Iterate): void {
    this.#last = iterate;
  }

  /** A picture on the way: if it can't be written, the run goes on. */
  async saveOnTheWay(picture: Picture): Promise<void> {
    try {
      await this.#save(this.#path, picture, "running");
    } catch (error) {
      if (!(error instanceof StylizeError)) throw error;
      this.#reporter.note(error.message);
    }
  }

  /**
   * The last picture of a run: if it can't be written where it was wanted, it goes to the system's folder for temporary
   * files.
   */
  async saveLast(picture: Picture, state: "done" | "stopped" | "failed"): Promise<void> {
    await orElsewhere(this.#path, (path) => this.#save(path, picture, state));
  }

  async #save(path: string, picture: Picture, state: Saved["state"]): Promise<void> {
    await savePicture(path, picture, this.#options);
    const { width, height } = picture;
    const { totalStep: step = 0, totalSteps: steps = 0 } = this.#last ?? {};
    const seconds = (performance.now() - this.#begin) / 1000;
    this.#reporter.saved({ path, width, height, step, steps, state, seconds });
  }
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
