/** The pages over HTTP: a folder made here, then the real ones. */
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPages } from "./testing/pages.ts";
import { startSite, type TestSite } from "./testing/site.ts";

const html = `<!doctype html><title>${"A page. ".repeat(50)}</title>`;
const script = "console.log('hello');".repeat(50);

const files: Readonly<Record<string, string | Buffer>> = {
  "index.html": html,
  "index.html.br": brotliCompressSync(html),
  "index.html.gz": gzipSync(html),
  "assets/main-abc.js": script,
  "assets/main-abc.js.gz": gzipSync(script),
  "assets/main-abc.js.map": "{}",
  "assets/style-abc.css": "p{}",
  "assets/copy-abc.wgsl": "// shader",
  "assets/network-abc.bin": "weights",
  "assets/fast-abc.wasm": "\0asm",
  "icon.svg": "<svg/>",
  "site.webmanifest": "{}",
  "favicon.ico": "icon",
  ".hidden": "secret",
  ".git/config": "secret",
};

let folder: string;
let site: TestSite;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-pages-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, "public", name)), { recursive: true });
    await writeFile(join(folder, "public", name), content);
  }
  await writeFile(join(folder, "outside.txt"), "secret");
  await symlink(join(folder, "outside.txt"), join(folder, "public/link.txt"));
  site = await startSite(join(folder, "public"));
});
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A request whose path is sent as it is; the body as it came. */
async function ask(path: string, headers: Record<string, string> = {}, method = "GET", at = site) {
  const sent = request(at.url, { path, method, headers }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

describe("the first page", () => {
  it("is asked for anew each time, and sent only when it has changed", async () => {
    const { status, headers, body } = await ask("/");
    expect([status, body.toString()]).toEqual([200, html]);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-length": String(html.length),
      "cache-control": "no-cache",
      vary: "Accept-Encoding",
    });
    expect(headers).not.toHaveProperty("content-encoding");
    const etag = headers.etag!;
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await ask("/", { "If-None-Match": known });
      expect([again.status, again.headers.etag, again.body.length]).toEqual([304, etag, 0]);
    }
    expect((await ask("/", { "If-None-Match": '"other"' })).status).toBe(200);
    expect((await ask("/?from=elsewhere")).body.toString()).toBe(html);
  });

  it.each([
    ["gzip, deflate, br, zstd", "br"],
    ["gzip", "gzip"],
    ["BR", "br"],
    ["*", "br"],
    ["br;q=0, gzip;q=0.5", "gzip"],
    ["br; q=0, *", "gzip"],
    ["gzip;q=0, br;q=0.0", undefined],
    ["identity", undefined],
    ["brotli", undefined],
  ])("for those who accept '%s' is encoded as %s", async (accepted, encoding) => {
    const { headers, body } = await ask("/", { "Accept-Encoding": accepted });
    expect(headers["content-encoding"]).toBe(encoding);
    expect(headers["content-length"]).toBe(String(body.length));
    const decode = encoding === "br" ? brotliDecompressSync : encoding === "gzip" ? gunzipSync : Buffer.from;
    expect(decode(body).toString()).toBe(html);
  });

  it("has a tag for each encoding", async () => {
    const tags = await Promise.all(
      ["br", "gzip", ""].map(
        async (encoding) => (await ask("/", { "Accept-Encoding": encoding })).headers.etag,
      ),
    );
    expect(new Set(tags).size).toBe(3);
    expect((await ask("/", { "Accept-Encoding": "br", "If-None-Match": tags[2]! })).status).toBe(200);
  });

  it("has a head, and can't be written to", async () => {
    const head = await ask("/", {}, "HEAD");
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([
      200,
      String(html.length),
      0,
    ]);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const { status, headers } = await ask("/", {}, method);
      expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
    }
  });
});

describe("assets", () => {
  it.each([
    ["/assets/main-abc.js", "text/javascript; charset=utf-8"],
    ["/assets/style-abc.css", "text/css; charset=utf-8"],
    ["/assets/copy-abc.wgsl", "text/wgsl; charset=utf-8"],
    ["/assets/network-abc.bin", "application/octet-stream"],
    ["/assets/fast-abc.wasm", "application/wasm"],
    ["/icon.svg", "image/svg+xml"],
    ["/site.webmanifest", "application/manifest+json"],
    ["/favicon.ico", "image/x-icon"],
  ])("%s is sent as %s", async (path, type) => {
    const { status, headers, body } = await ask(path);
    expect([status, headers["content-type"], body.toString()]).toEqual([200, type, files[path.slice(1)]]);
    const isNamedByContent = path.startsWith("/assets/");
    const cache = isNamedByContent ? "public, max-age=31536000, immutable" : "no-cache";
    expect(headers["cache-control"]).toBe(cache);
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  it("come in the encoding that there is", async () => {
    const { headers, body } = await ask("/assets/main-abc.js", { "Accept-Encoding": "br, gzip" });
    expect([headers["content-encoding"], gunzipSync(body).toString()]).toEqual(["gzip", script]);
    const plain = await ask("/assets/style-abc.css", { "Accept-Encoding": "br, gzip" });
    expect(plain.headers).not.toHaveProperty("vary");
  });
});

describe("what is no page", () => {
  it.each([
    "/assets/",
    "/assets",
    "/assets/missing.js",
    "/../outside.txt",
    "/assets/../../outside.txt",
    "/%2e%2e/outside.txt",
    "/..%2foutside.txt",
    "/..\\outside.txt",
    "//outside.txt",
    "/assets/..%5c..%5coutside.txt",
    "/link.txt",
    "/.hidden",
    "/.git/config",
    "/%2egit/config",
    "/index.html.br",
    "/assets/main-abc.js.gz",
    "/assets/main-abc.js.map",
    "/assets/main-abc.js/",
    "/assets/main-abc.js%00",
    "/constructor",
    "/__proto__",
  ])("%s is not found", async (path) => {
    const { status, headers, body } = await ask(path);
    expect([status, body.toString()]).toEqual([404, "not found\n"]);
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none';(?!.*-src 'self')/);
  });
});

describe("a build", () => {
  it("that is gone does not stop the old one, which is in memory", async () => {
    const other = join(folder, "gone");
    await mkdir(other);
    await writeFile(join(other, "index.html"), "still here");
    await using old = await startSite(other);
    await rm(other, { recursive: true });
    expect((await ask("/", {}, "GET", old)).body.toString()).toBe("still here");
  });

  it("that is not there is told of, to visitors and in the log", async () => {
    await using bare = await startSite(join(folder, "none"));
    const { status, headers, body } = await ask("/", {}, "GET", bare);
    expect([status, body.toString()]).toEqual([200, expect.stringContaining("npm run build:pages")]);
    expect(headers["cache-control"]).toBe("no-store");
    expect(bare.logged).toEqual([expect.stringContaining("npm run build:pages")]);
    expect(site.logged).toEqual([]);
  });

  it("of the real pages has nothing inline, and all that it refers to", async () => {
    await using pages = await buildPages();
    await using real = await startSite(pages.folder);
    const page = (await ask("/", {}, "GET", real)).body.toString();
    expect(page).not.toMatch(/<style|style=|\son\w+=|javascript:|data:/i);
    for (const [, attributes, text] of page.matchAll(/<script([^>]*)>([^<]*)/g))
      expect([attributes, text]).toEqual([expect.stringContaining('src="/assets/'), ""]);
    const paths = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(paths.filter((path) => /\.(js|css)$/.test(path)).length).toBeGreaterThanOrEqual(2);
    for (const path of paths) {
      const { status, headers } = await ask(path, { "Accept-Encoding": "br" }, "GET", real);
      expect(status).toBe(200);
      if (!/\.(js|css)$/.test(path)) continue;
      expect(path).toMatch(/^\/assets\/[\w.-]+-[\w-]{8}\.(js|css)$/);
      expect(headers).toMatchObject({ "content-encoding": "br", "cache-control": /immutable/ });
    }
  });
});
