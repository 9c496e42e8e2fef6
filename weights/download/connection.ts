/**
 * A GET request as far as an answer: proxies, time limits, redirects, servers that ask for patience, and words for
 * whatever goes wrong.
 *
 * undici does the requests. Its EnvHttpProxyAgent is not used since it takes the names in `no_proxy` for themselves
 * alone, not for their subdomains, its redirects since they go from https to http, too, and its timers
 * since they are up to a second late.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from "undici";
import { StylizeError } from "../../engine/errors.ts";
import type { Environment } from "./cache.ts";
import { BrokenOff, MirrorFailure, mirrorFailure, refusal, seconds } from "./mirror-failure.ts";

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
async function getOnce(
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
  // `within` is punctual, and knows of a proxy that doesn't answer.
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

const MAX_REDIRECTS = 5;
/** A server that asks for more patience than this is left for the next mirror. */
const MAX_WAIT_MS = 5000;

/**
 * The answer to a GET request: of status 200, 206 or 416.
 *
 * Follows redirects, but never from https to http, and waits once for a server that asks for a few seconds
 * (`Retry-After`).
 *
 * @throws MirrorFailure for anything but an answer of these; the signal's reason if that aborts.
 */
export async function get(
  address: string,
  headers: Readonly<Record<string, string>>,
  connection: Connection,
): Promise<Answer> {
  let url = new URL(address);
  let redirects = 0;
  for (let waited = false; ; ) {
    const answer = await getOnce(url, headers, connection);
    const { status } = answer;
    if (status === 200 || status === 206 || status === 416) return answer;
    answer.close();
    if (status >= 300 && status < 400) {
      if (++redirects > MAX_REDIRECTS)
        throw new MirrorFailure(`was redirected more than ${MAX_REDIRECTS} times`);
      url = redirected(url, answer);
      continue;
    }
    const wait = status === 429 || status === 503 ? retryAfter(answer) : undefined;
    if (waited || wait === undefined || wait > MAX_WAIT_MS) throw refusal(status, wait);
    await sleep(wait, undefined, connection.signal ? { signal: connection.signal } : {});
    waited = true;
  }
}

function redirected(from: URL, { status, headers: { location } }: Answer): URL {
  if (typeof location !== "string" || !URL.canParse(location, from.href)) {
    throw new MirrorFailure(`received status ${status}, a redirect without a usable address`);
  }
  const to = new URL(location, from);
  if (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:")) return to;
  throw new MirrorFailure(`was redirected from ${from.protocol} to ${to.protocol}, which is not safe`);
}

/** In ms; undefined where the server doesn't say. */
function retryAfter({ headers: { "retry-after": value } }: Answer): number | undefined {
  if (typeof value !== "string") return undefined;
  const wait = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/**
 * The proxy that the environment names for `url`, as curl reads it: that of `http_proxy` or `https_proxy` (or their
 * upper-case forms); undefined where there is none, or
 * where `no_proxy` lists the host: a comma-separated list of names, which stand for their subdomains too, each with or
 * without port, or `*`.
 *
 * @throws StylizeError `bad-option` if it is no http or https address.
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const scheme = url.protocol.slice(0, -1);
  const variable = `${scheme}_proxy`;
  const value = env[variable] ?? env[variable.toUpperCase()];
  if (!value || isExcluded(url, env.no_proxy ?? env.NO_PROXY ?? "")) return undefined;
  const address = value.includes("://") ? value : `http://${value}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (proxy && /^https?:$/.test(proxy.protocol)) return proxy;
  // The value may hold a password, so it is not repeated.
  const received = proxy ? `one that begins with '${proxy.protocol}//'` : "something else";
  throw new StylizeError(
    "bad-option",
    `Expected ${variable} to be an http:// or https:// address but received ${received}.`,
  );
}

function isExcluded(url: URL, list: string): boolean {
  const host = withoutBrackets(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((item) => item !== "")
    .some((item) => {
      if (item === "*") return true;
      // A colon before digits is a port's only where it is the first, or follows a bracket: IPv6 addresses have many.
      const [, name = item, itsPort] = /^(\[.*\]|[^:]*):(\d+)$/.exec(item) ?? [];
      const bare = withoutBrackets(name).replace(/^\*?\./, "");
      return (itsPort === undefined || itsPort === port) && (host === bare || host.endsWith(`.${bare}`));
    });
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
