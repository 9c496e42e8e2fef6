/** Serves the built pages, read at the start: nothing else can be asked for, and a new build may begin meanwhile. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";
import { answeredByCache, refuseMethod, send } from "../common/http-answers.ts";
import type { Route } from "./http.ts";

interface Version {
  readonly encoding?: "br" | "gzip";
  readonly body: Buffer;
  readonly etag: string;
}

interface Page {
  readonly type: string;
  readonly cache: string;
  /** Best first; the last is the file as it is. */
  readonly versions: readonly Version[];
}

/** Pages by path. */
export type Pages = ReadonlyMap<string, Page>;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".wgsl": "text/wgsl; charset=utf-8",
  ".wasm": "application/wasm",
  ".md": "text/plain; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".avif": "image/avif",
  ".ico": "image/x-icon",
};

/** By the extensions of vite.config.ts. */
const encodings = { ".br": "br", ".gz": "gzip" } as const;

/** Reads the folder of a build, but no dot files, links and source maps; undefined where there is no index.html. */
export async function readPages(folder: string): Promise<Pages | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)).replaceAll(sep, "/"))
    .filter((file) => !/(^|\/)\./.test(file) && extname(file) !== ".map");
  if (!files.includes("index.html")) return undefined;
  const originals = files.filter((file) => !Object.hasOwn(encodings, extname(file)));
  const pages = originals.map(async (file) => {
    const path = file === "index.html" ? "/" : `/${file}`;
    return [path, await readPage(folder, file, files)] as const;
  });
  return new Map(await Promise.all(pages));
}

async function readPage(folder: string, file: string, files: readonly string[]): Promise<Page> {
  const encoded = Object.entries(encodings).filter(([extension]) => files.includes(file + extension));
  const names = [...encoded, ["", undefined] as const];
  const versions = names.map(async ([extension, encoding]) => {
    const body = await readFile(join(folder, file + extension));
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    return { body, etag, ...(encoding === undefined ? {} : { encoding }) };
  });
  return {
    type: types[extname(file)] ?? "application/octet-stream",
    // Vite puts a fingerprint into the names of assets.
    cache: file.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    versions: await Promise.all(versions),
  };
}

/** Answers for all that is in `pages`, under the policy of `policy`. Without pages, `/` says how to build them. */
export function createPagesRoute(pages: Pages | undefined, policy: () => Promise<string>): Route {
  return async (request, response) => {
    const [path = ""] = (request.url ?? "").split("?", 1);
    const page = pages?.get(path);
    const isUnbuilt = pages === undefined && path === "/";
    if (page === undefined && !isUnbuilt) return false;
    response.setHeader("Content-Security-Policy", await policy());
    if (request.method !== "GET" && request.method !== "HEAD") {
      refuseMethod(response, "GET, HEAD");
    } else if (page === undefined) {
      send(response, 200, "The pages are not built yet: run 'npm run build:pages', then start again.");
    } else {
      sendPage(response, page);
    }
    return true;
  };
}

function sendPage(response: ServerResponse, { type, cache, versions }: Page): void {
  const { "accept-encoding": accepted = "" } = response.req.headers;
  const version = versions.find(({ encoding }) => encoding === undefined || accepts(accepted, encoding))!;
  const { encoding, etag, body } = version;
  if (versions.length > 1) response.setHeader("Vary", "Accept-Encoding");
  if (answeredByCache(response, etag, cache)) return;
  if (encoding !== undefined) response.setHeader("Content-Encoding", encoding);
  response.writeHead(200, { "Content-Type": type, "Content-Length": body.length });
  response.end(body); // Node leaves the body out where the request is HEAD
}

/** Whether an Accept-Encoding (RFC 9110, 12.5.3) allows `encoding`. */
function accepts(header: string, encoding: string): boolean {
  const items = header.split(",").map((item) => {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    return [name, Number(quality)] as const;
  });
  const qualities = new Map(items);
  return (qualities.get(encoding) ?? qualities.get("*") ?? 0) > 0;
}
