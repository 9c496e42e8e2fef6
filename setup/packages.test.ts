import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { npmErrors, packagesFresh, packagesKey, readStamp, sameTree, writeStamp } from "./packages.mjs";

const lock = {
  packages: {
    "": { name: "root" },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/a-linux": { version: "1.0.0", optional: true, os: ["linux"], cpu: ["x64"] },
    "node_modules/a-darwin": { version: "1.0.0", optional: true, os: ["darwin"] },
  },
};
const { "": _root, "node_modules/a-darwin": _other, ...here } = lock.packages;
const linux = { platform: "linux", arch: "x64" };

describe("sameTree", () => {
  test("takes packages of other platforms for granted", () => {
    expect(sameTree(lock, { packages: here }, linux)).toBe(true);
  });

  test("refuses another version, a missing package and another platform's", () => {
    expect(sameTree(lock, { packages: { ...here, "node_modules/a": { version: "1.0.1" } } }, linux)).toBe(
      false,
    );
    const { "node_modules/a": _a, ...without } = here;
    expect(sameTree(lock, { packages: without }, linux)).toBe(false);
    expect(sameTree(lock, { packages: here }, { platform: "darwin", arch: "arm64" })).toBe(false);
  });
});

test("sameTree knows a workspace and npm's link to it", () => {
  const own = { version: "1.0.0", dependencies: { a: "1.0.0" } };
  const workspace = { "node_modules/part": { resolved: "part", link: true }, part: own };
  const wanted = { packages: { ...lock.packages, ...workspace } };
  expect(sameTree(wanted, { packages: { ...here, ...workspace } }, linux)).toBe(true);
  expect(sameTree(wanted, { packages: here }, linux)).toBe(false);
});

describe("the stamp", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "setup-test-"));
    writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("nothing installed, or something half installed, is not fresh", () => {
    expect(packagesFresh(root, packagesKey(root))).toBe(false);
    mkdirSync(join(root, "node_modules"));
    expect(packagesFresh(root, packagesKey(root))).toBe(false);
    writeFileSync(join(root, "node_modules", ".setup.json"), '{"pack');
    expect(packagesFresh(root, packagesKey(root))).toBe(false);
  });

  test("holds until the lock file changes", () => {
    mkdirSync(join(root, "node_modules"));
    writeStamp(root, { packages: packagesKey(root), adapter: "a" });
    expect(packagesFresh(root, packagesKey(root))).toBe(true);
    expect(readStamp(root)?.adapter).toBe("a");
    writeFileSync(join(root, "package-lock.json"), "{}");
    expect(packagesFresh(root, packagesKey(root))).toBe(false);
  });

  test("is not needed where npm itself installed this very lock file", () => {
    const packages = { "node_modules/a": { version: "1.0.0" } };
    mkdirSync(join(root, "node_modules"));
    writeFileSync(join(root, "node_modules", ".package-lock.json"), JSON.stringify({ packages }));
    expect(packagesFresh(root, packagesKey(root))).toBe(true);
    writeStamp(root, { packages: "of another Node" });
    expect(packagesFresh(root, packagesKey(root))).toBe(false);
  });
});

test("npmErrors shows the reason, not the usage that follows", () => {
  const usage = Array.from({ length: 40 }, (_, i) => `npm error   --option-${i}`);
  const shown = npmErrors(["npm warn old", "npm error code EUSAGE", "npm error", ...usage].join("\n"));
  expect(shown.split("\n")).toHaveLength(10);
  expect(shown).toMatch(/^ {4}npm error code EUSAGE\n/);
  expect(npmErrors("sh: npm: not found\n")).toBe("    sh: npm: not found");
});
