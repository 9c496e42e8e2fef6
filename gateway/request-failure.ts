/** A request that is refused, for a reason that its client may know. */
import { type RequestError, type RequestErrorCode, requestErrors } from "../protocol/protocol.ts";

export class RequestFailure extends Error {
  readonly code: RequestErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: RequestErrorCode, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(requestErrors[code], { cause: options.cause });
    this.name = "RequestFailure";
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** What socket.io hands to a client that may not connect, beside the message. */
  get data(): { readonly code: RequestErrorCode } {
    return { code: this.code };
  }

  answer(): RequestError {
    const { code, message, retryAfterMs } = this;
    return { error: { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } };
  }
}
