import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileObjectStore } from "./file-object-store.ts";
import { StoreError } from "./object-store.ts";

const png = { contentType: "image/png" };
const bytes = (text: string) => new TextEncoder().encode(text);
const isRoot = process.getuid?.() === 0;
const options = { baseUrl: "http://pictures.test/" };

let folder: string;
let store: FileObjectStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-objects-"));
  store = await FileObjectStore.open(folder, options);
});
afterEach(() => rm(folder, { recursive: true }));

const temporaries = () => readdir(join(folder, ".temporary"));

describe("objects as files", () => {
  it("are plain files, for this user alone", async () => {
    await store.put("private/output/a.png", bytes("x"), png);
    const path = join(folder, "private/output/a.png");
    expect(await readFile(path, "utf8")).toBe("x");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "private"))).mode & 0o777).toBe(0o700);
    expect(await temporaries()).toEqual([]);
  });

  it("may be put there by hand", async () => {
    await mkdir(join(folder, "style"));
    await writeFile(join(folder, "style/Great wave.jpg"), "picture");
    expect(await store.get("style/Great wave.jpg")).toMatchObject({ contentType: "image/jpeg" });
    expect((await store.list("", { limit: 9 })).objects.map(({ key }) => key)).toEqual([
      "style/Great wave.jpg",
    ]);
  });

  it("have exactly one winner among 20 that write at once with ifAbsent", async () => {
    const other = await FileObjectStore.open(folder, options);
    for (let round = 0; round < 5; round++) {
      const key = `public/race/${round}.png`;
      const won = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? store : other).put(key, bytes(`writer ${i}`), { ...png, ifAbsent: true }),
        ),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      const { body } = (await store.get(key))!;
      expect(Buffer.from(body).toString()).toBe(`writer ${won.indexOf(true)}`);
    }
    expect(await temporaries()).toEqual([]);
  });

  it("are seen whole while they are replaced", async () => {
    const versions = [Buffer.alloc(300_000, 1), Buffer.alloc(500_000, 2)];
    await store.put("public/v.png", versions[0]!, png);
    let isWriting = true;
    const write = async () => {
      for (let i = 1; i <= 40; i++) await store.put("public/v.png", versions[i % 2]!, png);
      isWriting = false;
    };
    const read = async () => {
      const seen = new Set<number>();
      while (isWriting) {
        const body = Buffer.from((await store.get("public/v.png"))!.body);
        const version = body[0]!;
        expect(body.equals(versions[version - 1]!)).toBe(true);
        seen.add(version);
      }
      return seen;
    };
    const [seen] = await Promise.all([read(), write()]);
    expect(seen.size).toBe(2);
  });

  it("are not written where their pieces fail", async () => {
    async function* broken() {
      yield bytes("half");
      throw new Error("the other half");
    }
    await store.put("public/a.png", bytes("whole"), png);
    await expect(store.putPieces("public/a.png", broken(), png)).rejects.toThrow("the other half");
    expect(await readFile(join(folder, "public/a.png"), "utf8")).toBe("whole");
    expect(await temporaries()).toEqual([]);
  });

  it("lose what a killed writer left, and keep what a living one writes", async () => {
    for (const name of ["old", "new"]) await writeFile(join(folder, ".temporary", name), name);
    const dayAgo = Date.now() / 1000 - 86_400;
    await utimes(join(folder, ".temporary/old"), dayAgo, dayAgo);
    await FileObjectStore.open(folder, options);
    expect(await temporaries()).toEqual(["new"]);
  });
});

describe("links and other things that are no files", () => {
  let outside: string;
  beforeEach(async () => {
    outside = await mkdtemp(join(tmpdir(), "stylize-outside-"));
    await writeFile(join(outside, "x.png"), "outside");
    await mkdir(join(folder, "public"));
    await symlink(outside, join(folder, "public/folder"));
    await symlink(join(outside, "x.png"), join(folder, "public/file.png"));
    await store.put("private/x.png", bytes("private"), png);
    await symlink("../private/x.png", join(folder, "public/inside.png"));
  });
  afterEach(() => rm(outside, { recursive: true }));

  it("lead nowhere", async () => {
    for (const key of ["public/folder/x.png", "public/file.png", "public/inside.png"]) {
      expect(await store.get(key)).toBeUndefined();
      expect(await store.head(key)).toBeUndefined();
      expect(await store.copy(key, "public/copy.png")).toBe(false);
      await store.delete(key);
    }
    expect(await readFile(join(outside, "x.png"), "utf8")).toBe("outside");
    const { objects } = await store.list("", { limit: 9 });
    expect(objects.map(({ key }) => key)).toEqual(["private/x.png"]);
  });

  it("are not written through", async () => {
    await expect(store.put("public/folder/y.png", bytes("x"), png)).rejects.toBeInstanceOf(StoreError);
    await expect(store.put("public/folder/a/y.png", bytes("x"), png)).rejects.toBeInstanceOf(StoreError);
    await store.put("public/file.png", bytes("x"), png);
    expect(await readdir(outside)).toEqual(["x.png"]);
    expect(await readFile(join(outside, "x.png"), "utf8")).toBe("outside");
    expect((await store.get("public/file.png"))?.body.length).toBe(1);
  });

  it.runIf(process.platform === "linux")("are not waited for", async () => {
    expect(spawnSync("mkfifo", [join(folder, "public/pipe.png")]).status).toBe(0);
    expect(await store.get("public/pipe.png")).toBeUndefined();
  });

  it("are no folders for objects: one below another is refused", async () => {
    await store.put("public/a", bytes("x"), { contentType: "application/octet-stream" });
    await expect(store.put("public/a/b.png", bytes("x"), png)).rejects.toMatchObject({
      name: "StoreError",
      retryable: false,
    });
    expect(await store.get("public/a/b.png")).toBeUndefined();
  });
});

describe("the secret", () => {
  it("is made once, for this user alone, and shared", async () => {
    const secret = await readFile(join(folder, ".secret"));
    expect(secret).toHaveLength(32);
    expect((await stat(join(folder, ".secret"))).mode & 0o777).toBe(0o600);
    const again = await FileObjectStore.open(folder, options);
    expect(await readFile(join(folder, ".secret"))).toEqual(secret);
    const url = new URL(await again.presign("private/a.png", 60));
    expect(store.signer.allowsRead("private/a.png", url.searchParams)).toBe(true);
  });

  it("is the same for 20 that open a new folder at once", async () => {
    const fresh = join(folder, "fresh");
    const stores = await Promise.all(Array.from({ length: 20 }, () => FileObjectStore.open(fresh, options)));
    const { searchParams } = new URL(await stores[0]!.presign("private/a.png", 60));
    expect(stores.every(({ signer }) => signer.allowsRead("private/a.png", searchParams))).toBe(true);
  });

  it("is not that of another folder", async () => {
    const other = await FileObjectStore.open(join(folder, "other"), options);
    const { searchParams } = new URL(await other.presign("private/a.png", 60));
    expect(store.signer.allowsRead("private/a.png", searchParams)).toBe(false);
  });

  it("stops the start when it is cut short", async () => {
    await writeFile(join(folder, ".secret"), "short");
    await expect(FileObjectStore.open(folder, options)).rejects.toThrow(
      /^Expected 32 bytes in .* but found 5\.$/,
    );
  });
});

describe("a folder that fails", () => {
  it("is one that is a file", async () => {
    await writeFile(join(folder, "file"), "");
    const opening = FileObjectStore.open(join(folder, "file"), options);
    await expect(opening).rejects.toMatchObject({ name: "StoreError", retryable: false });
  });

  it.runIf(isRoot)("is one that this user may not read", async () => {
    await store.put("public/a.png", bytes("x"), png);
    process.seteuid?.(65_534);
    try {
      const denied = { name: "StoreError", retryable: false, cause: { code: "EACCES" } };
      await expect(store.get("public/a.png")).rejects.toMatchObject(denied);
      await expect(store.put("public/b.png", bytes("x"), png)).rejects.toMatchObject(denied);
      await expect(store.delete("public/a.png")).rejects.toMatchObject(denied);
      await expect(store.list("", { limit: 1 })).rejects.toMatchObject(denied);
      await expect(store.check()).rejects.toMatchObject(denied);
      await expect(FileObjectStore.open(folder, options)).rejects.toMatchObject(denied);
    } finally {
      process.seteuid?.(0);
    }
  });

  it.runIf(isRoot && process.platform === "linux")(
    "is one on a full disk, until there is room",
    async ({ skip }) => {
      const disk = join(folder, "disk");
      await mkdir(disk);
      if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).status !== 0) skip();
      try {
        const small = await FileObjectStore.open(disk, options);
        await small.put("public/a.png", Buffer.alloc(600_000, 1), png);
        const full = { name: "StoreError", retryable: true, cause: { code: "ENOSPC" } };
        await expect(small.put("public/a.png", Buffer.alloc(600_000, 2), png)).rejects.toMatchObject(full);
        expect((await small.get("public/a.png"))?.body[599_999]).toBe(1);
        expect(await readdir(join(disk, ".temporary"))).toEqual([]);
        await small.delete("public/a.png");
        expect(await small.put("public/a.png", Buffer.alloc(600_000, 2), png)).toBe(true);
      } finally {
        spawnSync("umount", [disk]);
      }
    },
  );
});
