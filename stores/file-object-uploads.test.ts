/** The upload forms of a store of files, sent over HTTP as they are given and in every wrong way. */
import { readdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FileObjectStore } from "./file-object-store.ts";
import { startFileStore, type TestFileStore } from "./testing/objects.ts";

const secretText = "secret picture";
const secretKey = "private/output/secret.png";
const policy = { contentType: "image/png", maxBytes: 1000, seconds: 60 };

let started: TestFileStore;
let store: FileObjectStore;

beforeAll(async () => {
  started = await startFileStore();
  store = started.store;
  await store.put(secretKey, Buffer.from(secretText), { contentType: "image/png" });
});
afterAll(async () => {
  await started[Symbol.asyncDispose]();
  expect(started.errors).toEqual([]);
});

describe("an upload", () => {
  const key = "private/upload/u.png";
  const file = (length: number, type = "image/png") =>
    new File([Buffer.alloc(length, 7)], "mine.png", { type });

  function fill(fields: Readonly<Record<string, string>>, picture: File): FormData {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", picture);
    return form;
  }

  async function upload(
    picture: File,
    change: (url: URL, form: FormData) => void = () => {},
  ): Promise<number> {
    const { url, fields } = await store.presignUpload(key, policy);
    const form = fill(fields, picture);
    const target = new URL(url);
    change(target, form);
    return (await fetch(target, { method: "POST", body: form })).status;
  }

  const nothingIsThere = async () => {
    expect(await store.get(key)).toBeUndefined();
    expect(await readdir(join(started.folder, ".temporary"))).toEqual([]);
  };

  it.each([1, 999, 1000])("of %i bytes is stored as it was sent", async (length) => {
    expect(await upload(file(length))).toBe(204);
    expect(await store.get(key)).toEqual({ body: Buffer.alloc(length, 7), contentType: "image/png" });
    await store.delete(key);
  });

  it.each([1001, 9000, 5_000_000])("of %i bytes is too large", async (length) => {
    expect(await upload(file(length))).toBe(413);
    await nothingIsThere();
  });

  it("of unknown length is cut off at the limit", async () => {
    const { url } = await store.presignUpload(key, policy);
    const form = new Response(fill({}, file(3_000_000)));
    const { status } = await fetch(url, {
      method: "POST",
      body: form.body!,
      headers: { "Content-Type": form.headers.get("content-type")! },
      duplex: "half",
    } as RequestInit);
    expect(status).toBe(413);
    await nothingIsThere();
    // The connection has not come to harm.
    expect(await upload(file(100))).toBe(204);
    await store.delete(key);
  });

  it.each<[string, number, (url: URL, form: FormData) => void]>([
    ["another key", 403, (url) => url.searchParams.set("key", secretKey)],
    ["another type", 403, (url) => url.searchParams.set("type", "text/html")],
    ["a higher limit", 403, (url) => url.searchParams.set("max", "1001")],
    ["a later end", 403, (url) => url.searchParams.set("expires", "9999999999999")],
    ["another signature", 403, (url) => url.searchParams.set("signature", "x".repeat(43))],
    ["no key", 403, (url) => url.searchParams.delete("key")],
    ["no signature", 403, (url) => url.searchParams.delete("signature")],
    ["nothing signed at all", 403, (url) => (url.search = "")],
    ["a second file", 400, (_, form) => form.append("file", file(1))],
    ["a second field", 400, (_, form) => form.append("key", secretKey)],
    ["no file", 400, (_, form) => form.delete("file")],
    ["a text in place of the file", 400, (_, form) => form.set("file", "text")],
    [
      "a file of another name",
      400,
      (_, form) => {
        form.delete("file");
        form.append("picture", file(1));
      },
    ],
    ["a file of another type", 415, (_, form) => form.set("file", file(1, "image/svg+xml"))],
    ["a file without type", 415, (_, form) => form.set("file", file(1, ""))],
    ["an empty file", 400, (_, form) => form.set("file", file(0))],
  ])("with %s is refused", async (_, status, change) => {
    expect(await upload(file(100), change)).toBe(status);
    await nothingIsThere();
    expect((await store.get(secretKey))?.body.length).toBe(secretText.length);
  });

  it("that is no form is refused", async () => {
    const { url } = await store.presignUpload(key, policy);
    for (const type of ["image/png", "application/json", "multipart/form-data"]) {
      const response = await fetch(url, { method: "POST", body: "{}", headers: { "Content-Type": type } });
      expect(response.status).toBe(415);
    }
    for (const method of ["GET", "PUT"]) expect((await fetch(url, { method })).status).toBe(405);
    await nothingIsThere();
  });

  it("is not taken once its form has expired", async () => {
    const { url, fields } = await store.presignUpload(key, { ...policy, seconds: 0 });
    const { status } = await fetch(url, { method: "POST", body: fill(fields, file(1)) });
    expect(status).toBe(403);
  });

  it("that breaks off leaves nothing", async () => {
    const { url } = await store.presignUpload(key, policy);
    const { pathname, search, port } = new URL(url);
    const socket = connect(Number(port), "127.0.0.1");
    const head = `POST ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\nContent-Type: multipart/form-data; boundary=B\r\n\r\n`;
    socket.write(
      `${head}--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: image/png\r\n\r\nhalf`,
    );
    const began = async () => (await readdir(join(started.folder, ".temporary"))).length === 1;
    await expect.poll(began).toBe(true);
    socket.destroy();
    await expect.poll(began).toBe(false);
    await nothingIsThere();
  });
});

describe("a store that fails", () => {
  it("is told to the operator, not to the client", async () => {
    await using broken = await startFileStore();
    await writeFile(join(broken.folder, "public"), "a file where a folder should be");
    const form = new FormData();
    form.append("file", new File(["x"], "a.png", { type: "image/png" }));
    const { url } = await broken.store.presignUpload("public/a.png", policy);
    const response = await fetch(url, { method: "POST", body: form });
    expect([response.status, await response.text()]).toEqual([500, "Something failed on our side.\n"]);
    expect(broken.errors).toEqual([expect.objectContaining({ name: "StoreError" })]);

    await rm(join(broken.folder, ".temporary"), { recursive: true });
    const again = await broken.store.presignUpload("private/a.png", policy);
    expect((await fetch(again.url, { method: "POST", body: form })).status).toBe(500);
  });
});
