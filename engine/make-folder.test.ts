import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFolder } from "./make-folder.ts";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "make-folder-"));
});
afterAll(() => rmSync(root, { recursive: true }));

test("makes a folder and those above it, and is content with those there are", () => {
  const folder = join(root, "a/b/c");
  makeFolder(folder, 0o700);
  makeFolder(folder);
  makeFolder(root);
  expect(statSync(folder).isDirectory()).toBe(true);
  if (process.platform !== "win32") expect(statSync(join(root, "a")).mode & 0o777).toBe(0o700);
});

test("takes a link to a folder for one", () => {
  mkdirSync(join(root, "target"));
  symlinkSync(join(root, "target"), join(root, "link"), "junction");
  makeFolder(join(root, "link"));
  makeFolder(join(root, "link/in"));
  expect(statSync(join(root, "target/in")).isDirectory()).toBe(true);
});

test("refuses a file, what is below one, and a link that leads nowhere", () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  symlinkSync(join(root, "nowhere"), join(root, "dangling"));
  expect(() => makeFolder(file)).toThrow("EEXIST");
  expect(() => makeFolder(join(file, "a"))).toThrow("ENOTDIR");
  expect(() => makeFolder(join(file, "a/b"))).toThrow("ENOTDIR");
  expect(() => makeFolder(join(root, "dangling/a"))).toThrow("EEXIST");
});

test.runIf(process.platform === "linux")("ends where a file system takes no folders", () => {
  for (const folder of ["/proc/none", "/proc/none/below"])
    expect(() => makeFolder(folder)).toThrow("no folder can be made there");
});
