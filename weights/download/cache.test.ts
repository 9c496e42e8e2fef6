import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cachedPath, cacheFolder, type Environment, type Home } from "./cache.ts";
import { entryOf, sha256Of, testFile } from "./testing/server.ts";

const homeless = () => {
  throw new Error("no home");
};
const linux: Home = { platform: "linux", homedir: () => "/home/ada" };
const mac: Home = { platform: "darwin", homedir: () => "/Users/ada" };
const windows: Home = { platform: "win32", homedir: () => "C:\\Users\\ada" };

describe("cacheFolder", () => {
  it.each<[Environment, string | undefined, Home, string]>([
    [{}, undefined, linux, "/home/ada/.cache/stylize/weights"],
    [{ XDG_CACHE_HOME: "/big" }, undefined, linux, "/big/stylize/weights"],
    [{ XDG_CACHE_HOME: "big" }, undefined, linux, "/home/ada/.cache/stylize/weights"],
    [{ XDG_CACHE_HOME: "" }, undefined, linux, "/home/ada/.cache/stylize/weights"],
    [{ XDG_CACHE_HOME: "/big", STYLIZE_CACHE: "/s" }, undefined, linux, resolve("/s/weights")],
    [{ STYLIZE_CACHE: "/s" }, "/flag", linux, resolve("/flag/weights")],
    [{ STYLIZE_CACHE: "" }, "", linux, "/home/ada/.cache/stylize/weights"],
    [{}, "relative", linux, resolve("relative/weights")],
    [{}, undefined, { platform: "linux", homedir: homeless }, "/.cache/stylize/weights"],
    [{}, undefined, { platform: "linux", homedir: () => "" }, "/.cache/stylize/weights"],
    [{}, undefined, mac, "/Users/ada/Library/Caches/stylize/weights"],
    [{ XDG_CACHE_HOME: "/big" }, undefined, mac, "/big/stylize/weights"],
    [{ LOCALAPPDATA: "D:\\Local" }, undefined, windows, "D:\\Local\\stylize\\weights"],
    [{ XDG_CACHE_HOME: "/big" }, undefined, windows, "C:\\Users\\ada\\AppData\\Local\\stylize\\weights"],
  ])("%j, --cache %j", (env, override, machine, folder) => {
    expect(cacheFolder(env, override, machine)).toBe(folder);
  });
});

describe("cachedPath", () => {
  const file = testFile(1000);
  const whole = entryOf(file, []);
  const parted = entryOf(file, [], 600);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "stylize-cache-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = (name: string, bytes: Uint8Array | string) => writeFile(join(folder, name), bytes);
  const record = (of: string, sha256 = sha256Of(file.subarray(0, 600))) =>
    JSON.stringify({ of, bytes: 600, sha256, mirror: "https://a.example/" });

  it("is undefined without a file, and without a folder", async () => {
    expect(await cachedPath(whole, folder)).toBeUndefined();
    expect(await cachedPath(whole, join(folder, "none"))).toBeUndefined();
  });

  it("takes a whole file of exactly its size", async () => {
    await put("net.pth", file);
    expect(await cachedPath(whole, folder)).toBe(join(folder, "net.pth"));
    await truncate(join(folder, "net.pth"), 999);
    expect(await cachedPath(whole, folder)).toBeUndefined();
  });

  it("takes the part, but the whole file before it", async () => {
    await put("net.convolutions.pth", file.subarray(0, 600));
    expect(await cachedPath(parted, folder)).toBe(join(folder, "net.convolutions.pth"));
    await put("net.pth", file);
    expect(await cachedPath(parted, folder)).toBe(join(folder, "net.pth"));
  });

  it("takes a part without published hash only with its record, for the same file", async () => {
    await put("net.convolutions.pth", file.subarray(0, 600));
    expect(await cachedPath(whole, folder)).toBeUndefined();
    await put("net.convolutions.pth.json", record("another file's hash"));
    expect(await cachedPath(whole, folder)).toBeUndefined();
    await put("net.convolutions.pth.json", record(whole.sha256));
    expect(await cachedPath(whole, folder)).toBe(join(folder, "net.convolutions.pth"));
  });

  it("drops a part whose recorded hash is not the one published later", async () => {
    await put("net.convolutions.pth", file.subarray(0, 600));
    await put("net.convolutions.pth.json", record(whole.sha256));
    expect(await cachedPath(parted, folder)).toBe(join(folder, "net.convolutions.pth"));
    await put("net.convolutions.pth.json", record(whole.sha256, "0".repeat(64)));
    expect(await cachedPath(parted, folder)).toBeUndefined();
  });

  it("does not take a folder, an empty file or one that is not complete", async () => {
    await put("net.pth.part", file);
    expect(await cachedPath(whole, folder)).toBeUndefined();
    await put("net.pth", "");
    expect(await cachedPath(whole, folder)).toBeUndefined();
    await rm(join(folder, "net.pth"));
    await mkdir(join(folder, "net.pth"));
    const { size } = await stat(join(folder, "net.pth"));
    expect(await cachedPath({ ...whole, size }, folder)).toBeUndefined();
  });
});
