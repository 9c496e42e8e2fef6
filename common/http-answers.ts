/** Answers that everything which serves files over HTTP gives alike. */
import type { ServerResponse } from "node:http";

/** A sentence as plain text, which nobody keeps. */
export function send(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  response.end(`${sentence}\n`);
}

/** `allowed`: the methods, separated by commas. */
export function refuseMethod(response: ServerResponse, allowed: string): void {
  response.setHeader("Allow", allowed);
  send(response, 405, `Expected one of the methods ${allowed}.`);
}

/** Says how long an answer holds. True: If-None-Match (RFC 9110, 13.1.2) has its tag, and 304 was all to say. */
export function answeredByCache(response: ServerResponse, etag: string, cacheControl: string): boolean {
  response.setHeader("ETag", etag);
  response.setHeader("Cache-Control", cacheControl);
  const { "if-none-match": header = "" } = response.req.headers;
  const known = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  const isKnown = known.includes(etag) || known.includes("*");
  if (isKnown) response.writeHead(304).end();
  return isKnown;
}

/** A client that goes away before it has everything is no failure. */
export function ignoreAbort(error: NodeJS.ErrnoException): void {
  if (error.code !== "ERR_STREAM_PREMATURE_CLOSE" && error.code !== "ECONNRESET" && error.code !== "EPIPE")
    throw error;
}
