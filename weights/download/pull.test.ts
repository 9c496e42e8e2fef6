/** Downloads that succeed: fresh, resumed, from the next mirror, from a copy. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ManifestEntry } from "../manifest.ts";
import { cachedPath } from "./cache.ts";
import { verifyFile } from "./pull.ts";
import { TestFolder } from "./testing/folder.ts";
import { entryOf, misbehave, sha256Of, TestServer, testFile } from "./testing/server.ts";

const file = testFile(300_000);
const part = file.subarray(0, 100_000);

const folder = new TestFolder();

describe("pull", () => {
  it("fetches a file once, reports its progress and leaves nothing else", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    const path = folder.of("net.pth");
    const cached = { path, sha256: entry.sha256, verified: true };
    expect(await folder.pull(entry)).toEqual({ ...cached, fetched: true });
    expect(await folder.pull(entry)).toEqual({ ...cached, fetched: false });
    expect(server.ranges).toEqual([undefined]);
    expect(server.requests[0]!.headers).toMatchObject({
      "accept-encoding": "identity",
      "user-agent": "stylize",
    });
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
    expect(await folder.names()).toEqual(["net.pth"]);
    expect(await cachedPath(entry, folder.path)).toBe(path);
    expect(folder.notes).toEqual([]);
    const last = { mirror: server.url, received: 300_000, total: 300_000, resumedAt: 0 };
    expect(folder.progress.at(-1)).toEqual(last);
    expect(folder.progress.map(({ received }) => received)).toEqual(
      folder.progress.map(({ received }) => received).sort((a, b) => a - b),
    );
  });

  it.each<[string, string, number | undefined, object]>([
    ["the whole file", "net.pth", undefined, {}],
    ["the whole file, of which only the hash is known", "net.pth", undefined, { size: undefined }],
    ["the part", "net.convolutions.pth", part.length, {}],
  ])("fetches %s anew where the cache has other bytes", async (_, name, convolutions, change) => {
    await using server = await TestServer.start(file);
    const entry = { ...entryOf(file, [server.url], convolutions), ...change } as ManifestEntry;
    const { sha256 } = await folder.pull(entry);
    const bytes = await readFile(folder.of(name));
    bytes[1000]! ^= 1;
    await writeFile(folder.of(name), bytes);
    expect(await folder.pull(entry)).toMatchObject({ path: folder.of(name), sha256, fetched: true });
    expect(await folder.sha256(name)).toBe(sha256);
    expect(folder.notes).toEqual([
      `Expected '${folder.of(name)}' to be net.pth but it has the SHA-256 ${sha256Of(bytes)} instead of ${sha256}: ` +
        "it is damaged, and deleted.",
    ]);
    expect(await folder.names()).toEqual([name]);
  });

  it("makes the folder", async () => {
    await using server = await TestServer.start(file);
    const deep = join(folder.path, "a", "b");
    expect((await folder.pull(entryOf(file, [server.url]), { folder: deep })).path).toBe(
      join(deep, "net.pth"),
    );
  });

  it.each([
    ["ranges", undefined],
    ["no ranges", misbehave.noRanges],
  ])("asks for the size where only the hash is known, of a server with %s", async (_, behaviour) => {
    await using broken = await TestServer.start(file, misbehave.status(403));
    await using server = await TestServer.start(file, behaviour);
    const { size: _size, ...entry } = entryOf(file, [broken.url, server.url]);
    expect((await folder.pull(entry)).fetched).toBe(true);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
    expect(folder.progress.at(-1)).toMatchObject({ total: 300_000 });
    expect((await folder.pull(entry)).fetched).toBe(false);
  });

  it("says what each mirror did when none tells the size", async () => {
    await using first = await TestServer.start(file, misbehave.status(404));
    await using second = await TestServer.start(file, misbehave.contentRange("bytes 0-0/*"));
    const { size: _size, ...entry } = entryOf(file, [first.url, second.url]);
    await expect(folder.pull(entry)).rejects.toMatchObject({
      code: "download-failed",
      message: expect.stringMatching(/ status 404: .*, and received no size \(127/),
    });
  });

  it("takes a copy of any size where only the hash is known, if it has that", async () => {
    const { size: _size, ...entry } = entryOf(file, []);
    await writeFile(folder.of("copy"), file.subarray(1));
    await expect(folder.pull(entry, { from: folder.of("copy") })).rejects.toMatchObject({
      code: "bad-weights",
    });
    await writeFile(folder.of("copy"), file);
    expect((await folder.pull(entry, { from: folder.of("copy") })).fetched).toBe(true);
  });

  it("follows redirects, relative ones too", async () => {
    await using server = await TestServer.start(file);
    await using first = await TestServer.start(file, misbehave.redirect(server.url));
    await using relative = await TestServer.start(file, (request, response, bytes) =>
      request.url === "/moved/net.pth"
        ? misbehave.noRanges(request, response, bytes)
        : misbehave.redirect("moved/net.pth", 301)(request, response, bytes),
    );
    await folder.pull(entryOf(file, [first.url]));
    expect(await folder.sha256("net.pth")).toBe(sha256Of(file));
    await rm(folder.of("net.pth"));
    await folder.pull(entryOf(file, [relative.url]));
    expect(await folder.sha256("net.pth")).toBe(sha256Of(file));
  });

  it.each([503, 429])("waits once for a server that says %i and when to come back", async (status) => {
    await using server = await TestServer.start(file, (request, response, bytes) => {
      server.behaviour = misbehave.noRanges;
      misbehave.status(status, { "retry-after": "0" })(request, response, bytes);
    });
    expect((await folder.pull(entryOf(file, [server.url]))).fetched).toBe(true);
    expect(server.requests.length).toBe(2);
    expect(folder.notes).toEqual([]);
  });
});

describe("a download that broke off", () => {
  it("is resumed at the same mirror, under the condition that the file is the same", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    await folder.leavePart("net.pth", part, { of: entry.sha256, mirror: server.url, validator: '"1"' });
    await folder.pull(entry);
    expect(server.requests[0]!.headers).toMatchObject({ range: "bytes=100000-", "if-range": '"1"' });
    expect(folder.progress[0]!.resumedAt).toBe(100_000);
    expect(folder.progress[0]!.received).toBeGreaterThan(100_000);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
    expect(await folder.names()).toEqual(["net.pth"]);
  });

  it("starts over where the file has changed since", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    await folder.leavePart("net.pth", part, { of: entry.sha256, mirror: server.url, validator: '"0"' });
    await folder.pull(entry);
    expect(folder.progress[0]!.resumedAt).toBe(0);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
  });

  it.each([
    ["from another mirror", { mirror: "https://other.example/", validator: '"9"' }],
    ["from nobody knows where", undefined],
  ])("is resumed %s, as the hash decides", async (_, origin) => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    await folder.leavePart("net.pth", part, origin && { of: entry.sha256, ...origin });
    await folder.pull(entry);
    expect(server.requests.map(({ headers }) => [headers.range, headers["if-range"]])).toEqual([
      ["bytes=100000-", undefined],
    ]);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
  });

  it("is not resumed if it was of another version of the file", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    await folder.leavePart("net.pth", part, { of: "0".repeat(64), mirror: server.url, validator: '"1"' });
    await folder.pull(entry);
    expect(server.ranges).toEqual([undefined]);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
  });

  it("needs no request if all bytes are there", async () => {
    const entry = entryOf(file, ["http://127.0.0.1:1/"]);
    await folder.leavePart("net.pth", file, undefined);
    await folder.pull(entry);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
  });

  it.each([
    ["other bytes", testFile(300_001).subarray(1, 100_001), ["bytes=100000-", undefined]],
    ["as many other bytes", testFile(300_001).subarray(1), [undefined]],
    ["too many bytes", testFile(300_001), [undefined]],
  ])("starts over if the part holds %s", async (_, bytes, requested) => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    await folder.leavePart("net.pth", bytes, undefined);
    await folder.pull(entry);
    expect(server.ranges).toEqual(requested);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
    expect(folder.notes.length).toBe(bytes.length > file.length ? 0 : 1);
  });

  it("starts over at a server that ignores ranges", async () => {
    await using server = await TestServer.start(file, misbehave.noRanges);
    await folder.leavePart("net.pth", part, undefined);
    await folder.pull(entryOf(file, [server.url]));
    expect(folder.progress[0]!.resumedAt).toBe(0);
    expect(await folder.sha256("net.pth")).toBe(sha256Of(file));
  });

  it("starts over at a server that refuses a range that it has", async () => {
    await using server = await TestServer.start(file, (request, response, bytes) =>
      request.headers.range
        ? misbehave.status(416)(request, response, bytes)
        : misbehave.noRanges(request, response, bytes),
    );
    await folder.leavePart("net.pth", part, undefined);
    await folder.pull(entryOf(file, [server.url]));
    expect(server.ranges).toEqual(["bytes=100000-", undefined]);
    expect(await folder.sha256("net.pth")).toBe(sha256Of(file));
  });

  it("goes on at the next mirror", async () => {
    await using first = await TestServer.start(file, misbehave.truncateUnannounced(120_000));
    await using second = await TestServer.start(file);
    await folder.pull(entryOf(file, [first.url, second.url]));
    expect(second.ranges).toEqual(["bytes=120000-"]);
    expect(await folder.sha256("net.pth")).toBe(sha256Of(file));
    expect(folder.notes).toEqual([
      `Expected net.pth from ${first.host} but the connection closed after 120000 of 300000 bytes.`,
    ]);
  });

  it("goes on at the same mirror if there is no other, as long as more arrives", async () => {
    await using server = await TestServer.start(file, misbehave.truncateRanges(130_000));
    await folder.pull(entryOf(file, [server.url]));
    expect(server.requests.length).toBe(3);
    expect(await folder.sha256("net.pth")).toBe(sha256Of(file));
  });
});

describe("a download that is stopped", () => {
  it("before it begins asks nobody", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    const options = { signal: AbortSignal.abort() };
    await expect(folder.pull(entry, options)).rejects.toMatchObject({ code: "aborted" });
    expect(server.requests).toEqual([]);
    expect(await folder.names()).toEqual([]);
  });

  it("while a piece is written is stopped behind it", async () => {
    await using server = await TestServer.start(file, misbehave.stall(1000));
    const controller = new AbortController();
    const download = folder.pull(entryOf(file, [server.url]), {
      signal: controller.signal,
      timeouts: { stall: 1e9 },
      onProgress: () => controller.abort(),
    });
    await expect(download).rejects.toMatchObject({ code: "aborted" });
    expect(await folder.names()).toEqual(["net.pth.part", "net.pth.part.json"]);
  });

  it("while a server asks for patience does not wait for it", async () => {
    const controller = new AbortController();
    await using server = await TestServer.start(file, (request, response, bytes) => {
      response.on("finish", () => controller.abort());
      misbehave.status(503, { "retry-after": "5" })(request, response, bytes);
    });
    const options = { signal: controller.signal };
    await expect(folder.pull(entryOf(file, [server.url]), options)).rejects.toMatchObject({
      code: "aborted",
    });
    expect(server.requests.length).toBe(1);
  });

  it("while a copy is made leaves nothing", async () => {
    const from = folder.of("given");
    const large = testFile(3 << 20);
    await writeFile(from, large);
    const controller = new AbortController();
    const options = { from, signal: controller.signal, onProgress: () => controller.abort() };
    const message = "Expected net.pth but copying it was stopped.";
    await expect(folder.pull(entryOf(large, []), options)).rejects.toMatchObject({
      code: "aborted",
      message,
    });
    expect(await folder.names()).toEqual(["given"]);
  });
});

describe("a local copy", () => {
  it.each([
    ["the whole file", file, "net.pth"],
    ["the part", part, "net.convolutions.pth"],
  ])("of %s is checked and copied", async (_, bytes, name) => {
    const from = folder.of("given");
    await writeFile(from, bytes);
    const entry = entryOf(file, ["http://127.0.0.1:1/"], part.length);
    const pulled = { path: folder.of(name), sha256: sha256Of(bytes), verified: true, fetched: true };
    expect(await folder.pull(entry, { from })).toEqual(pulled);
    expect(await folder.sha256(name)).toBe(sha256Of(bytes));
    expect(await folder.names()).toEqual(["given", name].sort());
    expect(folder.progress.at(-1)).toMatchObject({
      mirror: from,
      received: bytes.length,
      total: bytes.length,
    });
  });

  it("of the part does not do where the whole file is asked for", async () => {
    const from = folder.of("given");
    await writeFile(from, part);
    const entry = entryOf(file, [], part.length);
    await expect(folder.pull(entry, { from, part: false })).rejects.toMatchObject({ code: "bad-weights" });
  });

  it.each<[string, Uint8Array | string | undefined, string, string]>([
    ["is not there", undefined, "file-not-found", "Expected weights in 'FROM' but there is no such file."],
    [
      "is a web page",
      "<!DOCTYPE html>",
      "bad-weights",
      "Expected 'FROM' to be net.pth but it is an HTML page.",
    ],
    [
      "is cut short",
      part,
      "bad-weights",
      "Expected 'FROM' to be net.pth but it has 100000 bytes instead of 300000.",
    ],
    [
      "is another file of that size",
      Buffer.alloc(300_000),
      "bad-weights",
      `Expected 'FROM' to be net.pth but it has the SHA-256 ${sha256Of(Buffer.alloc(300_000))} ` +
        `instead of ${sha256Of(file)}.`,
    ],
    ["is empty", "", "bad-weights", `Expected 'FROM' to be net.pth but it has 0 bytes instead of 300000.`],
  ])("that %s is refused, and what a download left stays", async (_, bytes, code, sentence) => {
    const from = folder.of("given");
    if (bytes !== undefined) await writeFile(from, bytes);
    await folder.leavePart("net.pth", part, undefined);
    const message = sentence.replace("FROM", from);
    await expect(folder.pull(entryOf(file, []), { from })).rejects.toMatchObject({ code, message });
    expect((await folder.names()).filter((name) => name !== "given")).toEqual(["net.pth.part"]);
  });
});

describe("verifyFile", () => {
  it("gives size and hash, and says how far it is", async () => {
    const path = folder.of("net.pth");
    await writeFile(path, file);
    const seen: number[] = [];
    expect(await verifyFile(path, (bytes) => seen.push(bytes))).toEqual({
      size: 300_000,
      sha256: sha256Of(file),
    });
    expect(seen.at(-1)).toBe(300_000);
  });

  it("refuses what can't be read", async () => {
    await expect(verifyFile(folder.of("none"))).rejects.toMatchObject({ code: "file-not-found" });
    await expect(verifyFile(folder.path)).rejects.toMatchObject({ code: "file-not-found" });
  });
});
