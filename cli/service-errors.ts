/** What goes wrong with a service, in this command's sentences and codes. */

import { type Connection, ServiceError } from "../client/index.ts";
import { type ErrorCode, StylizeError } from "../engine/errors.ts";
import type { FailureReason, JobView, RequestErrorCode } from "../protocol/protocol.ts";

/** Those that are not the service's alone. */
const codes: Partial<Readonly<Record<RequestErrorCode | FailureReason, ErrorCode>>> = {
  "invalid-request": "bad-option",
  "unknown-style": "bad-option",
  "bad-picture": "bad-picture",
  "bad-content": "bad-picture",
  "bad-style": "bad-picture",
};

/** Does `work`, whose ServiceErrors become StylizeErrors. */
export async function explain<T>(
  { server, style }: { readonly server: string; readonly style?: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ServiceError)) throw cause;
    const { code, message, retryAfterMs } = cause;
    const later = retryAfterMs === undefined ? "" : ` Try again in ${Math.ceil(retryAfterMs / 1000)} s.`;
    const sentence =
      code === "unknown-style"
        ? `Expected --style to be a file or a style of ${server} but received '${style}'; --list-styles names them.`
        : `Expected ${server} to take the request but it says: ${message}${later}`;
    throw new StylizeError(codes[code] ?? "refused", sentence, { cause });
  }
}

export function unreachable(server: string, connection: Connection): StylizeError {
  const reason = connection.state === "connecting" ? connection.reason : undefined;
  return new StylizeError(
    "no-service",
    `Expected a service at ${server} but there is no connection${reason ? ` (${reason})` : ""}.`,
  );
}

/** For a job that has ended without a result. */
export function failed({ failure }: JobView): StylizeError {
  if (!failure)
    return new StylizeError("job-failed", "Expected a result but the job was cancelled elsewhere.");
  const code = codes[failure.code] ?? "job-failed";
  return new StylizeError(code, `Expected a result but the service says: ${failure.message}`);
}
