/** A connection to the service, from browsers and Node, that comes back by itself, and requests that outlive a loss. */
import { io, type Socket } from "socket.io-client";
import type { ClientEvents, RequestError, RequestErrorCode, ServerEvents } from "../protocol/protocol.ts";

/** The service refused something: `message` is a sentence for people, `code` is for programs. */
export class ServiceError extends Error {
  readonly code: RequestErrorCode;
  /** When the same may be tried again, where the service says so. */
  readonly retryAfterMs: number | undefined;

  constructor({ code, message, retryAfterMs }: RequestError["error"]) {
    super(message);
    this.name = "ServiceError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** "refused": the service does not take the token, and is not asked again before `reconnect`. */
export type Connection =
  | { readonly state: "connected" | "closed" }
  /** `reason`: why the last try failed. */
  | { readonly state: "connecting"; readonly reason?: string }
  | { readonly state: "refused"; readonly error: ServiceError };

export interface ConnectionOptions {
  /** A JSON Web Token, or what makes a fresh one for each connection. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Milliseconds after which an answer counts as lost. */
  readonly answerMs?: number | undefined;
  /** Milliseconds that a request may wait in all where the service asks for later; then the refusal is thrown. */
  readonly patienceMs?: number | undefined;
}

type RequestOf<E extends keyof ClientEvents> = Parameters<ClientEvents[E]>[0];
type AnswerOf<E extends keyof ClientEvents> = Exclude<
  Parameters<Parameters<ClientEvents[E]>[1]>[0],
  RequestError
>;

/** Between tries that socket.io leaves to us. */
const RETRY_MS = 1000;

export class ServiceConnection {
  readonly socket: Socket<ServerEvents, ClientEvents>;
  readonly #listeners = new Set<(connection: Connection) => void>();
  readonly #answerMs: number;
  readonly #patienceMs: number;
  #present: Connection = { state: "connecting" };
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** `url` has no path. */
  constructor(url: string, { token, answerMs = 30_000, patienceMs = 15_000 }: ConnectionOptions = {}) {
    this.#answerMs = answerMs;
    this.#patienceMs = patienceMs;
    this.socket = io(new URL(url).origin, {
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: 500,
      auth: (give) => {
        const present = typeof token === "function" ? token() : token;
        Promise.resolve(present).then(
          (value) => give(value === undefined ? {} : { token: value }),
          () => give({}),
        );
      },
    });
    this.socket.on("connect", () => this.#change({ state: "connected" }));
    this.socket.on("disconnect", (reason) => {
      if (this.#present.state === "closed") return;
      if (!this.socket.active) this.#connectSoon();
      this.#change({ state: "connecting", reason });
    });
    this.socket.on("connect_error", (error) => this.#failed(error));
  }

  get present(): Connection {
    return this.#present;
  }

  /** Calls `listener` now and after each change, until the function that it returns is called. */
  onChange(listener: (connection: Connection) => void): () => void {
    const own = (connection: Connection) => listener(connection);
    this.#listeners.add(own);
    own(this.#present);
    return () => this.#listeners.delete(own);
  }

  /** Resolves once there is a connection. Throws ServiceError where it is refused. */
  async connected(signal?: AbortSignal): Promise<void> {
    let stop = () => {};
    const connected = new Promise<void>((resolve, reject) => {
      stop = this.onChange((connection) => {
        if (connection.state === "connected") resolve();
        if (connection.state === "refused") reject(connection.error);
        if (connection.state === "closed") reject(new Error("The connection to the service was closed."));
      });
    });
    await orAbort(connected, signal).finally(() => stop());
  }

  /** One try, once there is a connection. Undefined: no answer, so it may have been done. Throws ServiceError. */
  async send<E extends keyof ClientEvents>(
    event: E,
    request: RequestOf<E>,
    signal?: AbortSignal,
  ): Promise<AnswerOf<E> | undefined> {
    await this.connected(signal);
    const socket = this.socket.timeout(this.#answerMs) as unknown as {
      emitWithAck(event: E, request: RequestOf<E>): Promise<AnswerOf<E> | RequestError>;
    };
    const answer = await socket.emitWithAck(event, request).catch(() => undefined);
    if (answer !== undefined && "error" in answer) throw new ServiceError(answer.error);
    return answer as AnswerOf<E> | undefined;
  }

  /** Asks until there is an answer: for what may be done twice. Throws ServiceError, and the reason of `signal`. */
  async ask<E extends keyof ClientEvents>(
    event: E,
    request: RequestOf<E>,
    signal?: AbortSignal,
  ): Promise<AnswerOf<E>> {
    const waitOut = this.patience(signal);
    for (;;) {
      try {
        const answer = await this.send(event, request, signal);
        if (answer !== undefined) return answer;
      } catch (error) {
        await waitOut(error);
      }
    }
  }

  /** For one request: waits where a refusal will pass soon, and throws it otherwise. */
  patience(signal?: AbortSignal): (refusal: unknown) => Promise<void> {
    let left = this.#patienceMs;
    return async (refusal) => {
      if (!(refusal instanceof ServiceError)) throw refusal;
      const ms = refusal.retryAfterMs ?? (refusal.code === "unavailable" ? RETRY_MS : Infinity);
      if (ms > left) throw refusal;
      left -= ms;
      await pause(ms, signal);
    };
  }

  /** After a refusal. */
  reconnect(): void {
    if (this.#present.state !== "refused") return;
    this.#change({ state: "connecting" });
    this.socket.connect();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#change({ state: "closed" });
    this.socket.disconnect();
    this.#listeners.clear();
  }

  #failed(
    error: Error & { data?: Partial<RequestError["error"]>; description?: { message?: string } },
  ): void {
    const reason = error.description?.message || error.message;
    const { message, data } = error;
    if (!this.socket.active && data?.code !== "internal") {
      const refusal = new ServiceError({ code: data?.code ?? "unauthorized", message });
      this.#change({ state: "refused", error: refusal });
      return;
    }
    if (!this.socket.active) this.#connectSoon();
    this.#change({ state: "connecting", reason });
  }

  #connectSoon(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.socket.connect(), RETRY_MS * (0.5 + Math.random()));
  }

  #change(connection: Connection): void {
    this.#present = connection;
    for (const listener of [...this.#listeners]) listener(connection);
  }
}

/** Throws what `signal` was aborted with. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return orAbort(passed, signal).finally(() => clearTimeout(timer));
}

/** `work`, or what `signal` is aborted with if that comes first. */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  work.catch(() => {}); // nobody looks at it any more after an abort
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    stop = () => signal.removeEventListener("abort", abort);
  });
  return Promise.race([work, aborted]).finally(() => stop());
}
