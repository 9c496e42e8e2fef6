/** Downloads of no more than the beginning of a file, which holds the convolutions. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { cachedPath } from "./cache.ts";
import type { PullOptions } from "./pull.ts";
import { TestFolder } from "./testing/folder.ts";
import { entryOf, misbehave, ranges, sha256Of, TestServer, testFile } from "./testing/server.ts";

const file = testFile(300_000);
const part = file.subarray(0, 100_000);

const folder = new TestFolder();

describe("the part with the convolutions", () => {
  it("is all that is fetched where its hash is known", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url], part.length);
    const path = folder.of("net.convolutions.pth");
    const cached = { path, sha256: sha256Of(part), verified: true };
    expect(await folder.pull(entry)).toEqual({ ...cached, fetched: true });
    expect(await folder.pull(entry)).toEqual({ ...cached, fetched: false });
    expect(server.ranges).toEqual(["bytes=0-99999"]);
    expect(await folder.sha256("net.convolutions.pth")).toBe(sha256Of(part));
    expect(folder.progress.at(-1)).toMatchObject({ received: 100_000, total: 100_000 });
    expect(await folder.names()).toEqual(["net.convolutions.pth"]);
  });

  it("is resumed", async () => {
    await using server = await TestServer.start(file);
    await folder.leavePart("net.convolutions.pth", file.subarray(0, 60_000), undefined);
    await folder.pull(entryOf(file, [server.url], part.length));
    expect(server.ranges).toEqual(["bytes=60000-99999"]);
    expect(await folder.sha256("net.convolutions.pth")).toBe(sha256Of(part));
  });

  it("replaces one that was fetched before its hash was known, if that is another", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url], part.length);
    const record = { of: entry.sha256, bytes: part.length, sha256: sha256Of(Buffer.alloc(part.length)) };
    await writeFile(folder.of("net.convolutions.pth"), Buffer.alloc(part.length));
    await writeFile(folder.of("net.convolutions.pth.json"), JSON.stringify(record));
    expect((await folder.pull(entry)).fetched).toBe(true);
    expect((await folder.pull(entry)).fetched).toBe(false);
    expect(await folder.sha256("net.convolutions.pth")).toBe(sha256Of(part));
  });

  it("does not do where the whole file is asked for", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url], part.length);
    await folder.pull(entry);
    const whole = { path: folder.of("net.pth"), sha256: entry.sha256, verified: true };
    expect(await folder.pull(entry, { part: false })).toEqual({ ...whole, fetched: true });
    expect(await folder.pull(entry)).toEqual({ ...whole, fetched: false });
  });

  it("comes as the whole file from servers without ranges, but from others first", async () => {
    await using first = await TestServer.start(file, misbehave.noRanges);
    await using second = await TestServer.start(file);
    const entry = entryOf(file, [first.url, second.url], part.length);
    expect((await folder.pull(entry)).path).toBe(folder.of("net.convolutions.pth"));
    second.behaviour = misbehave.status(404);
    await rm(folder.of("net.convolutions.pth"));
    expect((await folder.pull(entry)).path).toBe(folder.of("net.pth"));
    expect(await folder.names()).toEqual(["net.pth"]);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
    expect(folder.notes[0]).toBe(`Expected net.pth from ${first.host} but it sends only whole files.`);
  });
});

describe("the part of a file for which only the whole hash is known", () => {
  const MIB = 1 << 20;
  const large = testFile(3 * MIB);
  const bytes = 2 * MIB + 5;
  const name = "net.convolutions.pth";
  const sha256 = sha256Of(large.subarray(0, bytes));
  const heads: number[] = [];
  const options: Partial<PullOptions> = {
    part: true,
    async partBytes(path) {
      heads.push((await readFile(path)).length);
      return bytes;
    },
  };

  it("is as long as its own first MiB says", async () => {
    await using server = await TestServer.start(large);
    const entry = entryOf(large, [server.url]);
    heads.length = 0;
    const cached = { path: folder.of(name), sha256, verified: false };
    expect(await folder.pull(entry, options)).toEqual({ ...cached, fetched: true });
    expect(await folder.pull(entry, options)).toEqual({ ...cached, fetched: false });
    expect(heads).toEqual([MIB]);
    expect(server.ranges).toEqual([`bytes=0-${MIB - 1}`, `bytes=${MIB}-${bytes - 1}`]);
    expect(server.requests[1]!.headers["if-range"]).toBe('"1"');
    expect(await folder.sha256(name)).toBe(sha256);
    expect(await folder.names()).toEqual([name, `${name}.json`]);
    expect(JSON.parse(await readFile(folder.of(`${name}.json`), "utf8"))).toEqual({
      of: entry.sha256,
      bytes,
      sha256,
      mirror: server.url,
    });
    expect(await cachedPath(entry, folder.path)).toBe(folder.of(name));
    expect(folder.notes).toEqual([
      `The first 2.1 MB of net.pth came from ${server.host} without a published hash to check them ` +
        `against; their SHA-256 is ${sha256}.`,
    ]);
  });

  it.each([
    ["is resumed from the same file at the same mirror", '"1"', [`bytes=1500000-${bytes - 1}`]],
    ["starts over where the file is another one", '"0"', [`bytes=1500000-${bytes - 1}`, undefined]],
    ["starts over where nobody knows", undefined, [`bytes=0-${MIB - 1}`, `bytes=${MIB}-${bytes - 1}`]],
  ])("%s", async (_, validator, requested) => {
    await using server = await TestServer.start(large);
    const entry = entryOf(large, [server.url]);
    await folder.leavePart(name, large.subarray(0, 1_500_000), {
      of: entry.sha256,
      mirror: server.url,
      validator,
    });
    const { path } = await folder.pull(entry, options);
    expect(server.ranges).toEqual(requested);
    expect(sha256Of(await readFile(path))).toBe(path === folder.of(name) ? sha256 : entry.sha256);
  });

  it("comes in one piece from a server that can't say whether the file is the same", async () => {
    await using server = await TestServer.start(large, (request, response, all) => {
      const setHeader = response.writeHead.bind(response);
      response.writeHead = ((status: number, { etag: _, ...headers }: Record<string, string>) =>
        setHeader(status, headers)) as typeof response.writeHead;
      ranges(request, response, all);
    });
    expect(await folder.pull(entryOf(large, [server.url]), options)).toMatchObject({
      sha256,
      verified: false,
    });
    expect(server.ranges).toEqual([`bytes=0-${MIB - 1}`, `bytes=0-${bytes - 1}`]);
  });

  it("may end within the first MiB", async () => {
    await using server = await TestServer.start(large);
    const { path } = await folder.pull(entryOf(large, [server.url]), {
      part: true,
      partBytes: async () => 1000,
    });
    expect(await readFile(path)).toEqual(large.subarray(0, 1000));
  });

  it.each<[string, Partial<PullOptions>]>([
    ["nobody asks for it", { partBytes: options.partBytes }],
    ["nobody can tell where it ends", { part: true }],
  ])("is not fetched, but the whole file, if %s", async (_, given) => {
    await using server = await TestServer.start(large);
    const entry = entryOf(large, [server.url]);
    expect(await folder.pull(entry, given)).toMatchObject({ path: folder.of("net.pth"), verified: true });
    expect(server.ranges).toEqual([undefined]);
  });

  it("is not fetched, but the whole file, from a mirror without encryption", async () => {
    await using server = await TestServer.start(large);
    const entry = entryOf(large, ["http://a.example/net.pth"]);
    const env = { http_proxy: new URL(server.url).origin };
    expect(await folder.pull(entry, { ...options, env })).toMatchObject({ path: folder.of("net.pth") });
    expect(server.requests).toMatchObject([
      { url: "http://a.example/net.pth", headers: { host: "a.example" } },
    ]);
    expect(server.ranges).toEqual([undefined]);
  });

  it("is not fetched, but the whole file, from a server without ranges", async () => {
    await using server = await TestServer.start(large, misbehave.noRanges);
    const entry = entryOf(large, [server.url]);
    expect(await folder.pull(entry, options)).toMatchObject({ path: folder.of("net.pth"), verified: true });
    expect(await folder.names()).toEqual(["net.pth"]);
  });

  it.each<[string, () => Promise<number>]>([
    [
      "Expected a pickle but received nonsense",
      () => Promise.reject(new Error("Expected a pickle but received nonsense.")),
    ],
    ["they end at byte 3145729 of 3145728", async () => large.length + 1],
    ["they end at byte NaN of 3145728", async () => Number.NaN],
  ])("is not fetched if %s", async (reason, partBytes) => {
    await using server = await TestServer.start(large);
    const entry = entryOf(large, [server.url]);
    const clause = `where its convolutions end can't be told: ${reason} (${server.host});`;
    await expect(folder.pull(entry, { part: true, partBytes })).rejects.toThrow(clause);
    expect(await folder.names()).toEqual([]);
  });
});
