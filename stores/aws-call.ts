/** Calls to AWS that end: each has a limit of time, and each failure says whether trying again may help. */
import { StoreError } from "./object-store.ts";

export interface AwsOptions {
  readonly region?: string | undefined;
  /** Instead of AWS's own, for stand-ins. */
  readonly endpoint?: string | undefined;
  /** Instead of what the environment or the container has. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** What one call may take, retries included. */
  readonly callSeconds?: number | undefined;
}

export const defaultCallSeconds = 10;
const connectionTimeoutMs = 3_000;
const throttles = ["ThrottlingException", "TooManyRequestsException", "RequestThrottled", "SlowDown"];

/** What every client is made with. `maxAttempts` counts tries of one call, the first included. */
export function clientConfig(options: AwsOptions, maxAttempts: number) {
  return {
    maxAttempts,
    requestHandler: { connectionTimeout: connectionTimeoutMs },
    ...(options.region !== undefined && { region: options.region }),
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(options.credentials !== undefined && { credentials: options.credentials }),
  };
}

/** What each call passes on to its client. */
export interface Call {
  readonly abortSignal: AbortSignal;
}

/**
 * What `send` resolves to; it is aborted after so many seconds in all, retries included, or by `stop`.
 * Throws StoreError: "Expected <what> but received ...".
 */
export async function call<T>(
  what: string,
  seconds: number,
  send: (options: Call) => Promise<T>,
  stop?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const abort = (reason: Error) => controller.abort(reason);
  const onStop = () => abort(new Error("a request to stop"));
  const timer = setTimeout(() => abort(new Error(`no answer within ${seconds} s`)), seconds * 1000);
  stop?.addEventListener("abort", onStop, { once: true });
  if (stop?.aborted) onStop();
  try {
    // The client does not look at the signal while it waits between tries or for credentials.
    return await new Promise<T>((resolve, reject) => {
      controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
      send({ abortSignal: controller.signal }).then(resolve, reject);
    });
  } catch (error) {
    throw storeError(what, controller.signal.aborted ? controller.signal.reason : error);
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener("abort", onStop);
  }
}

function storeError(what: string, error: unknown): StoreError {
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  const received = name === "Error" ? message : `${name}: ${message}`;
  return new StoreError(`Expected ${what} but received ${received}`, {
    retryable: status === undefined || status >= 500 || status === 429 || throttles.includes(name),
    cause: error,
  });
}
