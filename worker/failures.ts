/** From errors to reasons that may be shown, and whether another attempt makes sense. */
import { type ErrorCode, StylizeError } from "../engine/errors.ts";
import type { FailureReason } from "../protocol/protocol.ts";
import { StoreError } from "../stores/object-store.ts";

export interface Failure {
  readonly reason: FailureReason;
  readonly retry: boolean;
}

/** A job that can't be done as it was asked. */
export class JobFailure extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "JobFailure";
    this.reason = reason;
  }
}

const engineFailures: Readonly<Record<ErrorCode, Failure>> = {
  "bad-option": { reason: "internal", retry: false },
  "file-not-found": { reason: "internal", retry: false },
  "bad-picture": { reason: "bad-content", retry: false },
  "bad-weights": { reason: "internal", retry: false },
  "write-failed": { reason: "internal", retry: true },
  "no-adapter": { reason: "internal", retry: true },
  unsupported: { reason: "internal", retry: true },
  "out-of-memory": { reason: "too-large", retry: false },
  "device-lost": { reason: "internal", retry: true },
  "gpu-error": { reason: "internal", retry: true },
  diverged: { reason: "internal", retry: false },
  "download-failed": { reason: "internal", retry: true },
  "no-service": { reason: "internal", retry: true },
  refused: { reason: "internal", retry: false },
  "job-failed": { reason: "internal", retry: false },
  aborted: { reason: "interrupted", retry: true },
};

export function failureOf(error: unknown): Failure {
  if (error instanceof JobFailure) return { reason: error.reason, retry: false };
  if (error instanceof StylizeError) return engineFailures[error.code];
  if (error instanceof StoreError) return { reason: "internal", retry: error.retryable };
  return { reason: "internal", retry: true };
}
