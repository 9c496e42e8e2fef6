/** What the gateway answers over plain HTTP: health, metrics, the files of a local store, pages. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { send } from "../common/http-answers.ts";
import type { Metrics } from "./metrics.ts";

/** Answers a request and says so, or returns false. */
export type Route = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

export interface HttpParts {
  readonly metrics: Metrics;
  /** Throws with a reason while the gateway should get no new clients. */
  readonly checkReady: () => Promise<void>;
  /** Tried in order for everything else. */
  readonly routes: readonly Route[];
  readonly onError: (error: unknown, where: string) => void;
}

/** The Content-Security-Policy of answers that are no pages: nothing at all. */
export const closedPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Of every answer; routes that serve pages or objects give their own policy instead. */
const securityHeaders = {
  "Content-Security-Policy": closedPolicy,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()", // <input capture> needs none of them
} as const;

export function httpListener(parts: HttpParts): RequestListener {
  return (request, response) => {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    // Whoever sends the header without a proxy fools only itself.
    if (request.headers["x-forwarded-proto"] === "https")
      response.setHeader("Strict-Transport-Security", "max-age=31536000");
    answer(request, response, parts).catch((error: unknown) => {
      parts.onError(error, "http");
      if (response.headersSent) response.destroy();
      else send(response, 500, "error");
    });
  };
}

/**
 * What closes a server as soon as the answers at hand are given; to be called before the server listens. Node's own
 * `close()` goes on to wait for `keepAliveTimeout` when an answer was being given, and for `headersTimeout` when a
 * connection has asked nothing yet: browsers open some ahead.
 */
export function closer(server: Server): () => Promise<void> {
  const unasked = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    unasked.add(socket);
    socket.once("close", () => unasked.delete(socket));
  });
  server.on("upgrade", ({ socket }) => unasked.delete(socket));
  server.on("request", ({ socket }, response) => {
    unasked.delete(socket);
    response.once("close", () => {
      if (!server.listening) server.closeIdleConnections();
    });
  });
  return () =>
    new Promise((resolve, reject) => {
      server.close((error) => (error ? reject(error) : resolve()));
      for (const socket of unasked) socket.destroy();
    });
}

async function answer(request: IncomingMessage, response: ServerResponse, parts: HttpParts): Promise<void> {
  const [pathname] = (request.url ?? "/").split("?", 1);
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (isRead && pathname === "/healthz") return send(response, 200, "ok");
  if (isRead && pathname === "/readyz") return readiness(response, parts);
  if (isRead && pathname === "/metrics") return metrics(response, parts);
  for (const route of parts.routes) if (await route(request, response)) return;
  send(response, 404, "not found");
}

async function readiness(response: ServerResponse, { checkReady }: HttpParts): Promise<void> {
  try {
    await checkReady();
    send(response, 200, "ready");
  } catch (error) {
    send(response, 503, (error as Error).message);
  }
}

/** Not for the public: whoever comes through a proxy is told that there is nothing. */
async function metrics(response: ServerResponse, parts: HttpParts): Promise<void> {
  if (response.req.headers["x-forwarded-for"] !== undefined) return send(response, 404, "not found");
  const { registry } = parts.metrics;
  response.setHeader("Content-Type", registry.contentType);
  response.end(await registry.metrics());
}
