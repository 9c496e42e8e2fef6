/** What every object store does, tried on each: files, and S3 over the wire. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ObjectStore, StoreError } from "./object-store.ts";
import { S3ObjectStore } from "./s3-object-store.ts";
import { startFileStore } from "./testing/objects.ts";
import { hasMoto, startFauxqs, startMoto } from "./testing/s3.ts";

interface Started extends AsyncDisposable {
  readonly store: ObjectStore;
}

async function startS3(): Promise<Started> {
  const fauxqs = await startFauxqs();
  fauxqs.server.createBucket("pictures");
  return { ...fauxqs, store: new S3ObjectStore({ ...fauxqs, bucket: "pictures" }) };
}

async function startS3OfMoto(): Promise<Started> {
  const moto = await startMoto("pictures");
  return { ...moto, store: new S3ObjectStore({ ...moto, bucket: "pictures" }) };
}

const png = { contentType: "image/png" };
const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = async (store: ObjectStore, key: string) =>
  Buffer.from((await store.get(key))?.body ?? []).toString();

const badKeys = {
  nothing: "",
  "a root": "/",
  "an absolute path": "/etc/passwd",
  "a way out": "public/../../x.png",
  "a way up and down": "public/input/../../private/x.png",
  "this folder": "public/./x.png",
  "an empty name": "public//x.png",
  "a folder": "public/",
  "a hidden file": "public/.x.png",
  "the store's own secret": ".secret",
  "a NUL": "public/x\0.png",
  "a backslash": "public\\..\\x.png",
  "a line break": "public/x\n.png",
  "a percent sign": "public/%2e%2e/x.png",
  "a trailing dot": "private./x.png",
  "a trailing space": "private /x.png",
  "letters beyond ASCII": "public/é.png",
  "a name of 201 letters": `public/${"x".repeat(201)}`,
  "1,025 letters": `${"x/".repeat(512)}x`,
};

describe.each([
  { name: "files", start: startFileStore, isThere: true, isGuarded: true },
  { name: "S3 (fauxqs)", start: startS3, isThere: true, isGuarded: false },
  { name: "S3 (moto)", start: startS3OfMoto, isThere: hasMoto(), isGuarded: true },
])("an object store of $name", ({ start, isThere, isGuarded }) => {
  let started: Started;
  let store: ObjectStore;

  beforeAll(async () => {
    if (!isThere) return;
    started = await start();
    store = started.store;
  });
  afterAll(() => started?.[Symbol.asyncDispose]());
  const test = it.runIf(isThere);

  test("answers", async () => {
    await store.check();
  });

  test.each([0, 1, 5_000_000])("gives back the %i bytes and the type that were put", async (length) => {
    const body = randomBytes(length);
    expect(await store.put("public/input/a.jpg", body, { contentType: "image/jpeg" })).toBe(true);
    const object = await store.get("public/input/a.jpg");
    expect(object?.contentType).toBe("image/jpeg");
    expect(body.equals(object!.body)).toBe(true);
  });

  test("tells size and time", async () => {
    const before = Date.now();
    await store.put("public/sized.png", bytes("12345"), png);
    const { modified, ...info } = (await store.head("public/sized.png"))!;
    expect(info).toEqual({ key: "public/sized.png", size: 5 });
    expect(Math.abs(modified - before)).toBeLessThan(10_000);
  });

  test("replaces", async () => {
    await store.put("public/r.png", bytes("old"), png);
    await store.put("public/r.png", bytes("new"), png);
    expect(await textOf(store, "public/r.png")).toBe("new");
  });

  test("has nothing where nothing was put, nor at a key's folder", async () => {
    await store.put("public/folder/x.png", bytes("x"), png);
    for (const key of ["public/nothing.png", "nowhere/at/all.png", "public/folder"]) {
      expect(await store.get(key)).toBeUndefined();
      expect(await store.head(key)).toBeUndefined();
      expect(await store.copy(key, key.replace("o", "0"))).toBe(false);
      await store.delete(key);
    }
    expect(await textOf(store, "public/folder/x.png")).toBe("x");
  });

  test("deletes", async () => {
    await store.put("public/d.png", bytes("x"), png);
    await store.delete("public/d.png");
    expect(await store.get("public/d.png")).toBeUndefined();
    await store.delete("public/d.png");
  });

  test("copies, and leaves the original", async () => {
    await store.put("private/from a.png", bytes("content"), png);
    expect(await store.copy("private/from a.png", "public/to.png")).toBe(true);
    expect(await store.get("public/to.png")).toMatchObject({ contentType: "image/png" });
    expect(await textOf(store, "public/to.png")).toBe("content");
    expect(await textOf(store, "private/from a.png")).toBe("content");
  });

  test("with ifAbsent, leaves alone what is there", async () => {
    expect(await store.put("public/once.png", bytes("first"), { ...png, ifAbsent: true })).toBe(true);
    expect(await store.put("public/once.png", bytes("second"), { ...png, ifAbsent: true })).toBe(false);
    expect(await textOf(store, "public/once.png")).toBe("first");
    await store.delete("public/once.png");
    expect(await store.put("public/once.png", bytes("third"), { ...png, ifAbsent: true })).toBe(true);
  });

  test("lists in the order of keys, folders or not", async () => {
    const sorted = ["list/a b.png", "list/a-b/c.png", "list/a.png", "list/a/b.png", "list/aa.png"];
    for (const key of sorted.toReversed()) await store.put(key, bytes(key), png);
    await store.put("list-of-others/a.png", bytes("x"), png);
    const { objects, ...rest } = await store.list("list/", { limit: 100 });
    expect(objects.map(({ key, size }) => [key, size])).toEqual(sorted.map((key) => [key, key.length]));
    expect(rest).toEqual({});
  });

  test.each([1, 2, 3, 10])("lists all in pages of %i, each once", async (limit) => {
    const sorted = ["page/1.png", "page/2/a.png", "page/2/b.png", "page/3.png", "page/4/5/6.png"];
    for (const key of sorted) await store.put(key, bytes("x"), png);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.list("page/", { limit, cursor });
      expect(page.objects.length).toBe(Math.min(limit, sorted.length - found.length));
      found.push(...page.objects.map(({ key }) => key));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(found).toEqual(sorted);
  });

  test("lists by the beginning of a name", async () => {
    for (const key of ["begin/ab.png", "begin/abc/d.png", "begin/b.png"])
      await store.put(key, bytes("x"), png);
    const keysOf = async (prefix: string) =>
      (await store.list(prefix, { limit: 9 })).objects.map(({ key }) => key);
    expect(await keysOf("begin/ab")).toEqual(["begin/ab.png", "begin/abc/d.png"]);
    expect(await keysOf("begin/abc/")).toEqual(["begin/abc/d.png"]);
    expect(await keysOf("begin/c")).toEqual([]);
    expect(await keysOf("../")).toEqual([]);
    expect(await keysOf("/")).toEqual([]);
  });

  test.each(Object.entries(badKeys))("takes no key that is or has %s", async (_, key) => {
    const isRefused = async (call: () => unknown) => {
      const error = await (async () => call())().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StoreError);
      expect(error).toMatchObject({ retryable: false });
    };
    const upload = { contentType: "image/png", maxBytes: 1, seconds: 1 };
    await store.put("public/good.png", bytes("x"), png);
    await isRefused(() => store.put(key, bytes("x"), png));
    await isRefused(() => store.get(key));
    await isRefused(() => store.head(key));
    await isRefused(() => store.copy(key, "public/good.png"));
    await isRefused(() => store.copy("public/good.png", key));
    await isRefused(() => store.delete(key));
    await isRefused(() => store.presign(key, 60));
    await isRefused(() => store.publicUrl(key));
    await isRefused(() => store.presignUpload(key, upload));
  });

  test("takes no type but that of the extension", async () => {
    const html = { contentType: "text/html" };
    await expect(store.put("public/x.png", bytes("x"), html)).rejects.toThrow(
      "Expected content type image/png for the key 'public/x.png' but received text/html.",
    );
    await store.put("public/y.png", bytes("x"), png);
    await expect(store.copy("public/y.png", "public/y.jpg")).rejects.toBeInstanceOf(StoreError);
    const upload = { contentType: "image/svg+xml", maxBytes: 1, seconds: 1 };
    await expect(store.presignUpload("private/x.png", upload)).rejects.toBeInstanceOf(StoreError);
    const state = { contentType: "application/octet-stream" };
    expect(await store.put("private/checkpoint/0", bytes("x"), state)).toBe(true);
  });

  test("signs a URL that plain fetch reads", async () => {
    await store.put("private/output/a b_c.png", bytes("secret picture"), png);
    const response = await fetch(await store.presign("private/output/a b_c.png", 60));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("image/png");
    expect(await response.text()).toBe("secret picture");
  });

  it.runIf(isThere && isGuarded)("shows nothing private to those without a signature", async () => {
    await store.put("private/output/s.png", bytes("secret picture"), png);
    const signed = await store.presign("private/output/s.png", 60);
    expect((await fetch(signed)).status).toBe(200);
    const response = await fetch(signed.replace(/\?.*/s, ""));
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain("secret");
  });

  test("has lasting URLs for what is public, and for nothing else", async () => {
    await store.put("public/output/p.png", bytes("p"), png);
    await store.put("style/A style.jpg", bytes("s"), { contentType: "image/jpeg" });
    expect(await (await fetch(store.publicUrl("public/output/p.png"))).text()).toBe("p");
    expect(store.publicUrl("style/A style.jpg")).toMatch(/\/style\/A%20style\.jpg$/);
    for (const key of ["private/output/p.png", "publicity/p.png", "public", "style", "Public/p.png"])
      expect(() => store.publicUrl(key)).toThrow(StoreError);
  });
});
