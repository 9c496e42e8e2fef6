/** Downloads onto disks that are full, too small or read-only: real ones, where this user may mount them. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { chmod, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { TestFolder } from "./testing/folder.ts";
import { entryOf, sha256Of, TestServer, testFile } from "./testing/server.ts";

const file = testFile(300_000);
const folder = new TestFolder();
const isRoot = process.getuid?.() === 0;

/** Mounts 1 MiB of memory as the folder `disk`, and says whether that could be done. */
function mount(options = "size=1m"): boolean {
  const disk = folder.of("disk");
  mkdirSync(disk);
  return spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", disk]).status === 0;
}

/** Writes until nothing fits any more. */
function fill(path: string): void {
  expect(() => writeFileSync(path, Buffer.alloc(2 << 20))).toThrow("ENOSPC");
}

describe.runIf(isRoot && process.platform === "linux")("a disk that", () => {
  afterEach(() => {
    spawnSync("umount", [folder.of("disk")]);
  });

  it("fills up on the way loses the part, but not its use", async ({ skip }) => {
    if (!mount()) skip();
    const disk = folder.of("disk");
    const filler = join(disk, "filler");
    let finish = () => {};
    await using server = await TestServer.start(file, (_, response, bytes) => {
      response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 100_000));
      finish = () => response.end(bytes.subarray(100_000));
    });
    const entry = entryOf(file, [server.url]);
    const fillUp = () => {
      fill(filler);
      finish();
    };
    const download = folder.pull(entry, {
      folder: disk,
      onProgress: ({ received }) => {
        if (received === 100_000) fillUp();
      },
    });
    const message = `Expected to write '${join(disk, "net.pth.part")}' but the disk is full.`;
    await expect(download).rejects.toMatchObject({ code: "write-failed", message });
    expect(await readdir(disk)).not.toContain("net.pth.part");
    rmSync(filler);
    await using good = await TestServer.start(file);
    await folder.pull({ ...entry, mirrors: [good.url] }, { folder: disk });
    expect(await readdir(disk)).toEqual(["net.pth"]);
    expect(await folder.sha256("disk/net.pth")).toBe(sha256Of(file));
  });

  it("is full has no place for a lock, and keeps none", async ({ skip }) => {
    if (!mount()) skip();
    const disk = folder.of("disk");
    fill(join(disk, "filler"));
    await using server = await TestServer.start(file);
    const download = folder.pull(entryOf(file, [server.url]), { folder: disk });
    await expect(download).rejects.toMatchObject({
      code: "write-failed",
      message: /but the disk is full\.$/,
    });
    expect(await readdir(disk)).toEqual(["filler"]);
    rmSync(join(disk, "filler"));
    expect((await folder.pull(entryOf(file, [server.url]), { folder: disk })).fetched).toBe(true);
  });

  it("is too small is not begun to be filled", async ({ skip }) => {
    if (!mount()) skip();
    const disk = folder.of("disk");
    const large = testFile(3 << 20);
    await using server = await TestServer.start(large);
    const message = `Expected 3.1 MB of free space in '${disk}' for net.pth but it has 1.0 MB.`;
    const entry = entryOf(large, [server.url]);
    await expect(folder.pull(entry, { folder: disk })).rejects.toMatchObject({
      code: "write-failed",
      message,
    });
    const from = folder.of("given");
    await writeFile(from, large);
    await expect(folder.pull(entry, { folder: disk, from })).rejects.toMatchObject({
      code: "write-failed",
      message,
    });
    expect(server.requests).toEqual([]);
    expect(await readdir(disk)).toEqual([]);
  });

  it("is read-only is not written to, and no mirror is asked", async ({ skip }) => {
    if (!mount("ro")) skip();
    const disk = folder.of("disk");
    await using server = await TestServer.start(file);
    const message = `Expected to write '${disk}' but the file system is read-only.`;
    const entry = entryOf(file, [server.url]);
    await expect(folder.pull(entry, { folder: disk })).rejects.toMatchObject({
      code: "write-failed",
      message,
    });
    expect(server.requests).toEqual([]);
  });
});

describe("without a disk of its own", () => {
  it.runIf(process.platform === "linux")("a full disk is told, and the part removed", async () => {
    await symlink("/dev/full", folder.of("net.pth.part"));
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    const message = `Expected to write '${folder.of("net.pth.part")}' but the disk is full.`;
    await expect(folder.pull(entry)).rejects.toMatchObject({ code: "write-failed", message });
    expect(await folder.names()).not.toContain("net.pth.part");
    await folder.pull(entry);
    expect(await folder.names()).toEqual(["net.pth"]);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
  });

  it.skipIf(isRoot || process.platform === "win32")("a folder without permission is told", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    await chmod(folder.path, 0o555);
    try {
      const message = `Expected to write '${folder.path}' but there is no permission to write there.`;
      await expect(folder.pull(entry)).rejects.toMatchObject({ code: "write-failed", message });
      expect(server.requests).toEqual([]);
    } finally {
      await chmod(folder.path, 0o755);
    }
  });

  it.runIf(process.platform === "linux")("a file system that takes no folders is told", async () => {
    await expect(folder.pull(entryOf(file, []), { folder: "/proc/stylize/weights" })).rejects.toMatchObject({
      code: "write-failed",
      message: "Expected to write '/proc/stylize' but no folder can be made there.",
    });
  });

  it("a folder below a file is told", async () => {
    await writeFile(folder.of("file"), "");
    const entry = entryOf(file, []);
    const options = { folder: folder.of("file/cache") };
    await expect(folder.pull(entry, options)).rejects.toMatchObject({
      code: "write-failed",
      message: `Expected to write '${folder.of("file/cache")}' but its folder is not a folder.`,
    });
    await rm(folder.of("file"));
  });
});
