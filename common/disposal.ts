/** What a program has open, and how it ends: the last first. Node.js 20 has no AsyncDisposableStack. */

/** Things that are disposed of together: the last first, and all of them where somebody is told what fails. */
export class Disposal implements AsyncDisposable {
  readonly #ends: (() => unknown)[] = [];
  readonly #onError: (error: unknown) => void;

  /** `onError` is told what fails in the end; when not given that is thrown, and ends the rest. */
  constructor(onError: (error: unknown) => void = rethrow) {
    this.#onError = onError;
  }

  /** Takes over `one`. */
  use<T extends AsyncDisposable>(one: T): T {
    this.defer(() => one[Symbol.asyncDispose]());
    return one;
  }

  /** Calls `end` in its turn, and waits for it. */
  defer(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Does nothing the second time. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) {
      try {
        await end();
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

function rethrow(error: unknown): never {
  throw error;
}

/** What `open` makes, which has the Disposal. Where `open` throws, all that it had opened is disposed of. */
export async function opened<T>(
  onError: (error: unknown) => void,
  open: (disposal: Disposal) => Promise<T>,
): Promise<T> {
  const disposal = new Disposal(onError);
  try {
    return await open(disposal);
  } catch (error) {
    await disposal[Symbol.asyncDispose]();
    throw error;
  }
}

/** Resolves once all of `works` have ended, at the same time; `onError` is told of those that failed. */
export async function settled(
  works: readonly Promise<unknown>[],
  onError: (error: unknown) => void,
): Promise<void> {
  for (const result of await Promise.allSettled(works))
    if (result.status === "rejected") onError(result.reason);
}
