import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isStale, withLock } from "./lock.mjs";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "setup-lock-"));
  path = join(folder, "cache", "setup.lock");
});
afterEach(() => rmSync(folder, { recursive: true }));

function lockOf(pid: number, host = hostname()) {
  writeFileSync(join(folder, "lock"), JSON.stringify({ pid, host, begun: 0 }));
  return join(folder, "lock");
}

test("a second process waits for the first, and the last leaves nothing behind", async () => {
  const script = `
    import { withLock } from ${JSON.stringify(new URL("./lock.mjs", import.meta.url).href)};
    await withLock(${JSON.stringify(path)}, async () => console.log("in"));`;
  let stdout = "";
  const child = await withLock(path, async () => {
    const second = spawn(process.execPath, ["--input-type=module", "-e", script]);
    second.stdout.on("data", (data) => {
      stdout += data;
    });
    const [said] = await once(second.stderr, "data");
    expect(String(said)).toContain("waiting for another set-up");
    expect(stdout).toBe("");
    return second;
  });
  await once(child, "close");
  expect(stdout).toBe("in\n");
  expect(existsSync(path)).toBe(false);
});

test("the lock is released when the work fails", async () => {
  await expect(withLock(path, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(existsSync(path)).toBe(false);
});

test("a lock is stale when its process is gone or nobody touches it", () => {
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  expect(isStale(lockOf(gone))).toBe(true);
  expect(isStale(lockOf(process.ppid))).toBe(false);
  expect(isStale(lockOf(gone, "another-host"))).toBe(false);

  const old = lockOf(process.ppid);
  utimesSync(old, new Date(0), new Date(0));
  expect(isStale(old)).toBe(true);
});

test("a lock that is gone or half written is not stale", () => {
  expect(isStale(join(folder, "none"))).toBe(false);
  writeFileSync(join(folder, "half"), "");
  expect(isStale(join(folder, "half"))).toBe(false);
});
