/** One GET request on a connection of its own: proxies, time limits, and words for whatever goes wrong. */
import type { Socket } from "node:net";
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from "undici";
import type { Environment } from "./cache.ts";
import { BrokenOff, MirrorFailure, mirrorFailure, refusal, seconds } from "./mirror-failure.ts";
import { proxyFor } from "./proxy.ts";

/** In ms. */
export interface Timeouts {
  /** Until there is a connection, TLS included. */
  readonly connect: number;
  /** From then on until the last header. */
  readonly headers: number;
  /** Between two pieces of the body. */
  readonly stall: number;
}

export interface Connection {
  readonly timeouts: Timeouts;
  /** For `http_proxy`, `https_proxy` and `no_proxy`. */
  readonly env: Environment;
  readonly signal: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Throws `BrokenOff` where the connection does, or nothing comes for too long. */
  readonly body: AsyncGenerator<Uint8Array, void, void>;
  /** To be called in any case. Ends the connection. */
  close(): void;
}

/**
 * The answer to one GET request, of whatever status.
 *
 * @throws MirrorFailure where there is none; StylizeError `bad-option` for a proxy that is none; the signal's reason if
 * that aborts.
 */
export async function getOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { timeouts, env, signal }: Connection,
): Promise<Answer> {
  signal?.throwIfAborted();
  const proxy = proxyFor(url, env);
  const { dispatcher, close } = dispatcherFor(proxy, timeouts);
  try {
    const request = dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: "GET",
      // A compressed body has other bytes than the file.
      headers: { "user-agent": "stylize", accept: "*/*", "accept-encoding": "identity", ...headers },
    });
    // An error may come when nobody reads the body, or waits for it, any more.
    request.then(({ body }) => body.on("error", () => {})).catch(() => {});
    const limit = timeouts.connect + timeouts.headers;
    const response = await within(request, limit, `received no answer within ${seconds(limit)}`, signal);
    return {
      status: response.statusCode,
      headers: response.headers,
      body: bodyOf(response, timeouts.stall, signal),
      close,
    };
  } catch (error) {
    close();
    if (signal?.aborted) throw signal.reason;
    throw proxy ? proxyFailure(error, proxy, timeouts) : connectionFailure(error, timeouts);
  }
}

/** A dispatcher for one request. */
function dispatcherFor(
  proxy: URL | undefined,
  timeouts: Timeouts,
): { dispatcher: Dispatcher; close: () => void } {
  const sockets: Socket[] = [];
  const open = buildConnector({ timeout: 0 });
  const connect: buildConnector.connector = (options, callback) => {
    // Declared void, it does return the socket. A dispatcher that is destroyed leaves a socket that still connects, and
    // that would keep the process alive.
    const socket = open(options, callback) as unknown as Socket;
    sockets.push(socket);
    const late = () => socket.destroy(new MirrorFailure(noConnection(timeouts)));
    const timer = setTimeout(late, timeouts.connect);
    const connected = options.protocol === "https:" ? "secureConnect" : "connect";
    for (const event of [connected, "close"]) socket.once(event, () => clearTimeout(timer));
  };
  // These timers are up to a second late, and none of them knows of a proxy that doesn't answer: `within` does both.
  const limits = { headersTimeout: 0, bodyTimeout: 0 };
  const tls = { timeout: timeouts.connect };
  const dispatcher = proxy
    ? new ProxyAgent({
        uri: proxy.href,
        proxyTunnel: false, // for http; https is always tunnelled
        proxyTls: tls,
        requestTls: tls,
        clientFactory: ({ origin }) => new Pool(origin, { connect, ...limits }),
        ...limits,
      })
    : new Agent({ connect, ...limits });
  const close = () => {
    for (const socket of sockets) socket.destroy();
    dispatcher.destroy().catch(() => {});
  };
  return { dispatcher, close };
}

function noConnection({ connect }: Timeouts): string {
  return `received no connection within ${seconds(connect)}`;
}

function connectionFailure(error: unknown, timeouts: Timeouts): MirrorFailure {
  const isLate = (error as NodeJS.ErrnoException).code === "UND_ERR_CONNECT_TIMEOUT";
  return isLate ? new MirrorFailure(noConnection(timeouts), { cause: error }) : mirrorFailure(error);
}

function proxyFailure(error: unknown, proxy: URL, timeouts: Timeouts): MirrorFailure {
  // undici has no field for the status with which a proxy refuses.
  const [, status] = /^Proxy.*\((\d{3})\)/.exec((error as Error).message) ?? [];
  const { message } = status ? refusal(Number(status)) : connectionFailure(error, timeouts);
  return new MirrorFailure(`through the proxy ${proxy.host} ${message}`, { cause: error });
}

async function* bodyOf(
  { body }: Dispatcher.ResponseData,
  stall: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const chunks = body[Symbol.asyncIterator]();
  for (;;) {
    const next = within(chunks.next(), stall, `received nothing for ${seconds(stall)}`, signal);
    const { done, value } = await next.catch((error) => {
      throw signal?.aborted ? signal.reason : new BrokenOff(mirrorFailure(error).message, { cause: error });
    });
    if (done) return;
    yield value;
  }
}

/** The result of `work`, unless it takes longer than `ms` or the signal aborts. */
function within<T>(
  work: Promise<T>,
  ms: number,
  clause: string,
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal?.reason);
    const timer = setTimeout(() => reject(new MirrorFailure(clause)), ms);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    });
  });
}
