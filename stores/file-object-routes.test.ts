/** The URLs of a store of files, tried over HTTP by those who may and those who may not. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FileObjectStore } from "./file-object-store.ts";
import { startFileStore, type TestFileStore } from "./testing/objects.ts";

const png = { contentType: "image/png" };
const secretText = "secret picture";
const secretKey = "private/output/secret.png";

let started: TestFileStore;
let store: FileObjectStore;

beforeAll(async () => {
  started = await startFileStore();
  store = started.store;
  await store.put("public/output/a.png", Buffer.from("public picture"), png);
  await store.put("style/a.jpg", Buffer.from("style"), { contentType: "image/jpeg" });
  await store.put("public/data", Buffer.from("<script>"), { contentType: "application/octet-stream" });
  await store.put(secretKey, Buffer.from(secretText), png);
});
afterAll(async () => {
  await started[Symbol.asyncDispose]();
  expect(started.errors).toEqual([]);
});

/** A request whose path is sent as it is. */
async function send(path: string, { method = "GET", headers = {} } = {}) {
  const sent = request(started.url, { path, method, headers }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

describe("a public object", () => {
  it("is sent as what it is, and as nothing that could run", async () => {
    const response = await fetch(store.publicUrl("public/output/a.png"));
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("public picture");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "image/png",
      "content-length": "14",
      "content-disposition": "inline",
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
      "cache-control": "public, max-age=86400, immutable",
    });
    const data = await fetch(store.publicUrl("public/data"));
    expect(data.headers.get("content-type")).toBe("application/octet-stream");
  });

  it("is kept for a short time where it may be replaced", async () => {
    const { headers } = await fetch(store.publicUrl("style/a.jpg"));
    expect(headers.get("cache-control")).toBe("public, max-age=300");
  });

  it("is not sent to those who have it, until it changes", async () => {
    const url = store.publicUrl("public/output/changing.png");
    await store.put("public/output/changing.png", Buffer.from("one"), png);
    const etag = (await fetch(url)).headers.get("etag")!;
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const response = await fetch(url, { headers: { "If-None-Match": tags } });
      expect([response.status, response.headers.get("etag"), await response.text()]).toEqual([304, etag, ""]);
    }
    await store.put("public/output/changing.png", Buffer.from("two"), png);
    const changed = await fetch(url, { headers: { "If-None-Match": etag } });
    expect([changed.status, await changed.text()]).toEqual([200, "two"]);
  });

  it("has a head", async () => {
    const response = await fetch(store.publicUrl("public/output/a.png"), { method: "HEAD" });
    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([
      200,
      "14",
      "",
    ]);
  });

  it("is missing where there is none", async () => {
    const response = await fetch(store.publicUrl("public/output/none.png"));
    expect([response.status, response.headers.get("cache-control")]).toEqual([404, "no-store"]);
  });

  it.each(["PUT", "DELETE", "POST", "PATCH"])("is not to be changed by %s", async (method) => {
    const response = await fetch(store.publicUrl("public/output/a.png"), { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("may be read by pages of any origin", async () => {
    const { headers } = await fetch(store.publicUrl("public/output/a.png"));
    expect(headers.get("access-control-allow-origin")).toBe("*");
    const asked = await fetch(`${started.url}/objects?key=any`, { method: "OPTIONS" });
    expect([asked.status, asked.headers.get("access-control-allow-methods")]).toEqual([
      204,
      "GET, HEAD, POST",
    ]);
  });

  it("may be given up halfway", async () => {
    await store.put("public/large.png", Buffer.alloc(20_000_000), png);
    const socket = connect(Number(new URL(started.url).port), "127.0.0.1");
    socket.write("GET /objects/public/large.png HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    expect((await fetch(store.publicUrl("public/output/a.png"))).status).toBe(200);
  });
});

describe("a private object", () => {
  it("is sent to who has its URL, and kept by nobody", async () => {
    const url = await store.presign(secretKey, 60);
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(url, { method });
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toBe("private, no-store");
      expect(await response.text()).toBe(method === "GET" ? secretText : "");
    }
  });

  it("is no longer sent once the URL has expired", async () => {
    const url = await store.presign(secretKey, 2);
    expect((await fetch(url)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 2050));
    expect((await fetch(url)).status).toBe(403);
  });

  it("is not sent for a URL with one changed character", async () => {
    const { pathname, search } = new URL(await store.presign(secretKey, 60));
    await store.put("private/output/secres.png", Buffer.from(secretText), png);
    const tail = pathname.length - "t.png".length;
    for (let at = tail; at < pathname.length + search.length; at++) {
      const path = pathname + search;
      const code = path.charCodeAt(at);
      const changed = path.slice(0, at) + String.fromCharCode(code ^ 1) + path.slice(at + 1);
      const { status, body } = await send(changed);
      expect([403, 404, 405]).toContain(status);
      expect(body).not.toContain("secret");
    }
  });

  it("is not sent for the signature of another key, a later expiry or an upload", async () => {
    const other = new URL(await store.presign("private/output/other.png", 60));
    const own = new URL(await store.presign(secretKey, 60));
    const later = new URLSearchParams(own.search);
    later.set("expires", `${later.get("expires")}0`);
    const upload = new URL(
      (await store.presignUpload(secretKey, { ...png, maxBytes: 1000, seconds: 60 })).url,
    );
    for (const query of [other.searchParams, later, upload.searchParams, new URLSearchParams()]) {
      const { status, body } = await send(`${own.pathname}?${query}`);
      expect([status, body.includes("secret")]).toEqual([403, false]);
    }
  });

  it("tells nobody without a signature whether it is there", async () => {
    const there = await send(`/objects/${secretKey}`);
    const missing = await send("/objects/private/output/missing.png");
    const { date: _, ...headers } = there.headers;
    expect([missing.status, missing.body]).toEqual([there.status, there.body]);
    expect(missing.headers).toMatchObject(headers);
  });

  it.each([
    "/objects//private/output/secret.png",
    "/objects/private//output/secret.png",
    "/objects/./private/output/secret.png",
    "/objects/public/../private/output/secret.png",
    "/objects/public/output/../../private/output/secret.png",
    "/objects/public/%2e%2e/private/output/secret.png",
    "/objects/public/%2E%2E/private/output/secret.png",
    "/objects/public/.%2e/private/output/secret.png",
    "/objects/public/..%2fprivate/output/secret.png",
    "/objects/public%2f..%2fprivate%2foutput%2fsecret.png",
    "/objects/public/%252e%252e/private/output/secret.png",
    "/objects/public/..%5cprivate/output/secret.png",
    "/objects/public/..\\private\\output\\secret.png",
    "/objects/public/..;/private/output/secret.png",
    "/objects/%70rivate/output/secret.png",
    "/objects/private%2foutput%2fsecret.png",
    "/objects/PRIVATE/output/secret.png",
    "/objects/Private/Output/Secret.png",
    "/objects/private./output/secret.png",
    "/objects/private/output/secret.png.",
    "/objects/private/output/secret.png%20",
    "/objects/private/output/secret.png/",
    "/objects/private/output/secret.png%00.png",
    "/objects/private/output/secret.png%00",
    "/objects/public/x%0a/../private/output/secret.png",
    "/objects/%c0%ae%c0%ae/private/output/secret.png",
    "/objects/%ff",
    "/objects/%",
    "/objects/",
    "/objects/public/",
    "/objects/public",
    "/objects/style",
    "/objects/private/output",
    "/objects/.secret",
    "/objects/public/../.secret",
    "/objects/public/%2e%2e/%2esecret",
    "/objects/.temporary",
    "/objects/%2e%2e/%2e%2e/etc/passwd",
    "/objects//etc/passwd",
    "/objects/private/output/secret.png#public",
    "/objects/private/output/secret.png?signature=",
    "/objects/private/output/secret.png?expires=9999999999999&signature=public",
    "/objects/private/output/secret.png?expires=NaN&signature=",
    "/objects/private/output/secret.png?expires=-1",
    "/objects/private/output/secret.png?key=public/output/a.png",
    "/objects/public/output/a.png/../../../private/output/secret.png",
  ])("is not to be had by %s", async (path) => {
    const { status, body } = await send(path);
    expect([403, 404]).toContain(status);
    expect(body).toMatch(/^(There is no such object|This needs a valid signature that has not expired)\.\n$/);
  });

  it.each([
    "//objects/private/output/secret.png",
    "/Objects/private/output/secret.png",
    "/%6fbjects/a",
    "/x/../objects/a",
    "/objectsx",
    "/",
    "*",
    "http://x/objects/a",
  ])("is no concern of %s, which is left to others", async (path) =>
    expect((await send(path)).status).toBe(421),
  );
});
