/**
 * Every error this project raises on purpose: one class, one table of codes.
 *
 * The command line maps a code to its exit status, a worker to its own, a gateway to a safe answer.
 */

import type { Picture } from "./picture.ts";

/** code -> exit status of the command line. 1 is left to unforeseen errors, 2 to wrong usage. */
export const errorCodes = {
  /** An option has an unknown name, a value of the wrong type or one out of range. */
  "bad-option": 2,
  /** A picture, weights file or trace target can't be read or written, or is of the wrong kind. */
  "file-not-found": 3,
  "bad-picture": 4,
  "bad-weights": 5,
  "write-failed": 6,
  /** No usable WebGPU adapter, or one that lacks what was asked for. */
  "no-adapter": 7,
  unsupported: 8,
  "out-of-memory": 9,
  "device-lost": 10,
  /** A shader failed to compile, a dispatch was invalid: a defect of ours. */
  "gpu-error": 11,
  /** The loss is not finite from the very first step on. */
  diverged: 12,
  /** No mirror gave the file that was asked for. */
  "download-failed": 13,
  /** Nothing answers at a service's address. */
  "no-service": 14,
  /** A service did not take a request. */
  refused: 15,
  /** A service took a job and could not do it. */
  "job-failed": 16,
  aborted: 130,
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error with a stable `code`; its message is one sentence a user can act on. */
export class StylizeError extends Error {
  readonly code: ErrorCode;
  /** The last good picture, when a run failed midway: what was made is not lost. */
  readonly picture: Picture | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; picture?: Picture | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "StylizeError";
    this.code = code;
    this.picture = options.picture;
  }
}
