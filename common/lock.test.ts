import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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

/** Starts a process that runs `work` (JavaScript) while it holds the lock. */
function holder(work: string) {
  const script = `
    import { withLock } from ${JSON.stringify(new URL("./lock.mjs", import.meta.url).href)};
    const onWait = () => console.error("waiting");
    await withLock(${JSON.stringify(path)}, async () => { ${work} }, { onWait });`;
  return spawn(process.execPath, ["--input-type=module", "-e", script]);
}

test("a second process waits for the first, and the last leaves nothing behind", async () => {
  let stdout = "";
  const child = await withLock(path, async () => {
    const second = holder("console.log('in')");
    second.stdout.on("data", (data) => {
      stdout += data;
    });
    const [said] = await once(second.stderr, "data");
    expect(String(said)).toBe("waiting\n");
    expect(stdout).toBe("");
    return second;
  });
  await once(child, "close");
  expect(stdout).toBe("in\n");
  expect(existsSync(path)).toBe(false);
});

test("within one process they take turns, too", async () => {
  const events: string[] = [];
  const turn = (name: string) =>
    withLock(
      path,
      async () => {
        events.push(`${name} in`);
        await sleep(20);
        events.push(`${name} out`);
      },
      { onWait: () => events.push(`${name} waits`) },
    );
  await Promise.all([turn("a"), turn("b")]);
  expect(events).toEqual(["b waits", "a in", "a out", "b in", "b out"]);
  expect(existsSync(path)).toBe(false);
});

test("whoever waits can give up, and the lock stays the other's", async () => {
  await withLock(path, async () => {
    const controller = new AbortController();
    const options = { onWait: () => controller.abort(), signal: controller.signal };
    const waiting = withLock(path, () => Promise.reject(new Error("ran")), options);
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(path)).toBe(true);
  });
});

test.runIf(process.platform !== "win32").each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends a holder, with status %i and without its lock", async (signal, status) => {
  const child = holder("console.log('in'); await new Promise((resolve) => setTimeout(resolve, 60000))");
  await once(child.stdout, "data");
  expect(existsSync(path)).toBe(true);
  child.kill(signal);
  const [code] = await once(child, "close");
  expect(code).toBe(status);
  expect(existsSync(path)).toBe(false);
});

test("a holder that was killed leaves a lock that the next one takes", async () => {
  const child = holder("console.log('in'); await new Promise((resolve) => setTimeout(resolve, 60000))");
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  expect(existsSync(path)).toBe(true);
  expect(await withLock(path, async () => "in")).toBe("in");
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
