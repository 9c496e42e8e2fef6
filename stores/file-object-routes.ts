/** Serves what the URLs of a FileObjectStore name: `GET /objects/<key>` and the upload form's `POST /objects`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { answeredByCache, ignoreAbort, refuseMethod, send } from "../common/http-answers.ts";
import type { FileObjectStore, OpenObject } from "./file-object-store.ts";
import { boundaryOf, readUpload, UploadRefused } from "./form-upload.ts";
import { contentTypeOf, isKey, isPublicKey, StoreError } from "./object-store.ts";

export interface ObjectRoutesOptions {
  /** Told of what went wrong on our side; clients see a status only. */
  readonly onError: (error: unknown) => void;
}

/** Browsers ask before they send a form whose progress a page of another origin follows. */
const preflight = { "Access-Control-Allow-Methods": "GET, HEAD, POST", "Access-Control-Max-Age": "7200" };

/** The body of a form beside its file. */
const formBytes = 8192;

/**
 * Returns a handler that answers requests to `/objects`, and returns false for all others without touching them.
 *
 * Objects under `public/` and `style/` need no signature. Without a valid one, the answer for any other key is 403, be
 * it there or not.
 */
export function createObjectRoutes(
  store: FileObjectStore,
  { onError }: ObjectRoutesOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> {
  return async (request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split(/\?(.*)/s);
    if (path !== "/objects" && !path.startsWith("/objects/")) return false;
    response.setHeader("X-Content-Type-Options", "nosniff");
    // Who has the URL may read or write: it makes no difference which site asks, and no cookie is ever looked at.
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (request.method === "OPTIONS") {
      response.writeHead(204, preflight).end();
      return true;
    }
    try {
      const parameters = new URLSearchParams(query);
      if (path === "/objects") await receive(store, response, parameters);
      else await serve(store, response, path, parameters);
    } catch (error) {
      sendFailure(response, error, onError);
      // The rest of a refused body is thrown away rather than the connection: the client may read why.
      request.resume();
    }
    return true;
  };
}

async function serve(store: FileObjectStore, response: ServerResponse, path: string, query: URLSearchParams) {
  const { method } = response.req;
  if (method !== "GET" && method !== "HEAD") return refuseMethod(response, "GET, HEAD");
  const key = keyOf(path.slice("/objects/".length));
  if (key === undefined) return send(response, 404, "There is no such object.");
  if (!isPublicKey(key) && !store.signer.allowsRead(key, query))
    return send(response, 403, "This needs a valid signature that has not expired.");
  const object = await store.open(key);
  if (object === undefined) return send(response, 404, "There is no such object.");
  await sendObject(response, object);
}

async function sendObject(response: ServerResponse, { handle: opened, info }: OpenObject): Promise<void> {
  await using handle = opened;
  const { key, size, modified } = info;
  const etag = `"${size.toString(16)}-${Math.round(modified * 1000).toString(16)}"`;
  if (answeredByCache(response, etag, cacheControl(key))) return;
  response.writeHead(200, {
    "Content-Type": contentTypeOf(key),
    "Content-Length": size,
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Last-Modified": new Date(modified).toUTCString(),
  });
  if (response.req.method === "HEAD") response.end();
  else await pipeline(handle.createReadStream(), response).catch(ignoreAbort);
}

/** The key that a raw path names, none for what has to be normalised first. */
function keyOf(path: string): string | undefined {
  try {
    const names = path.split("/").map(decodeURIComponent);
    const key = names.join("/");
    return isKey(key) && key.split("/").length === names.length ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Pictures of a job never change, those of a style may; after a day at most, a deleted one is gone everywhere. */
function cacheControl(key: string): string {
  if (key.startsWith("public/")) return "public, max-age=86400, immutable";
  return isPublicKey(key) ? "public, max-age=300" : "private, no-store";
}

async function receive(store: FileObjectStore, response: ServerResponse, query: URLSearchParams) {
  const request = response.req;
  if (request.method !== "POST") return refuseMethod(response, "POST");
  const policy = store.signer.allowedUpload(query);
  if (policy === undefined) return send(response, 403, "This needs a valid signature that has not expired.");
  if (Number(request.headers["content-length"] ?? 0) > policy.maxBytes + formBytes)
    return send(response, 413, `Expected a file of at most ${policy.maxBytes} bytes.`);
  const boundary = boundaryOf(request.headers["content-type"]);
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  await store.putPieces(policy.key, readUpload(body, boundary, policy), policy);
  response.writeHead(204).end();
}

function sendFailure(response: ServerResponse, error: unknown, onError: (error: unknown) => void): void {
  const isRefused = error instanceof UploadRefused;
  if (!isRefused) onError(error);
  if (response.headersSent) response.destroy();
  else if (isRefused) send(response, error.status, error.message);
  else if (error instanceof StoreError && error.retryable)
    send(response, 503, "The store can't do this now; try again later.");
  else send(response, 500, "Something failed on our side.");
}
