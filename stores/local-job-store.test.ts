import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JobRecord } from "./job-store.ts";
import { LocalJobStore } from "./local-job-store.ts";
import { activeIds } from "./testing/jobs.ts";

let parent = "";
let folder = "";
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "local-job-store-test-"));
  folder = join(parent, "jobs");
  mkdirSync(folder);
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(parent, { recursive: true });
});

/** Names in the folder, that of its owner aside. */
const files = () => readdirSync(folder).filter((name) => name !== "owner");

function job(digit: string): JobRecord {
  const jobId = digit.repeat(32);
  return {
    jobId,
    tokenHash: jobId,
    client: "somebody",
    requestId: `socket::${jobId}`,
    status: "queued",
    seq: 0,
    isPrivate: true,
    contentKey: `private/input/${jobId}.jpg`,
    style: "auvers.jpg",
    options: {},
    createdAt: 1,
  };
}

test("puts damaged files aside and goes on with the others", async () => {
  const store = new LocalJobStore({ folder, retentionSeconds: 60 });
  for (const digit of "abcdef") await store.create(job(digit));
  const path = (digit: string) => join(folder, `${digit.repeat(32)}.json`);
  const text = readFileSync(path("a"), "utf8");
  writeFileSync(path("a"), text.slice(0, 50));
  writeFileSync(path("b"), "");
  writeFileSync(path("c"), text);
  writeFileSync(path("d"), text.replaceAll("a".repeat(32), "d".repeat(32)).replace("queued", "constructor"));
  writeFileSync(path("e"), "null");
  writeFileSync(join(folder, "notes.txt"), "not ours");
  writeFileSync(`${path("f")}.tmp`, text);
  const damaged: string[] = [];
  const again = new LocalJobStore({ folder, retentionSeconds: 60, onDamaged: (file) => damaged.push(file) });
  expect(await activeIds(again)).toEqual(["f".repeat(32)]);
  expect(damaged.sort()).toEqual([..."abcde"].map((digit) => `${path(digit)}.damaged`));
  expect(readFileSync(damaged[0]!, "utf8")).toBe(text.slice(0, 50));
  expect(
    files()
      .filter((name) => !name.endsWith(".damaged"))
      .sort(),
  ).toEqual([`${"f".repeat(32)}.json`, "notes.txt"]);
});

test("removes files with their jobs and with their time", async () => {
  const store = new LocalJobStore({ folder, retentionSeconds: 60 });
  for (const digit of "ab") await store.create(job(digit));
  await store.remove("a".repeat(32));
  expect(files()).toEqual([`${"b".repeat(32)}.json`]);
  const path = join(folder, `${"b".repeat(32)}.json`);
  writeFileSync(
    path,
    readFileSync(path, "utf8").replace(/"changedAt":\d+/, `"changedAt":${Date.now() - 61_000}`),
  );
  expect(await activeIds(new LocalJobStore({ folder, retentionSeconds: 60 }))).toEqual([]);
  expect(files()).toEqual([]);
});

test("changes nothing that it can't write", async () => {
  const store = new LocalJobStore({ folder, retentionSeconds: 60 });
  const { record } = await store.create(job("a"));
  // A folder in the way of the file: root may write anywhere else.
  rmSync(join(folder, `${record.jobId}.json`));
  mkdirSync(join(folder, `${record.jobId}.json`));
  const change = store.update(record.jobId, (before) => ({ ...before, status: "running" }));
  await expect(change).rejects.toMatchObject({ name: "StoreError", retryable: true });
  expect(await store.get(record.jobId)).toEqual(record);
});

test("goes on with the last change that was written whole", async () => {
  const store = new LocalJobStore({ folder, retentionSeconds: 60 });
  const { jobId } = (await store.create(job("a"))).record;
  const step = (before: JobRecord, at: number) => ({
    ...before,
    progress: { at, step: at, total: 200, etaMs: 0 },
  });
  for (let at = 1; at <= 150; at++) await store.update(jobId, (before) => step(before, at));
  const path = join(folder, `${jobId}.json`);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.slice(0, -20));
  const again = new LocalJobStore({ folder, retentionSeconds: 60 });
  expect(await again.get(jobId)).toMatchObject({ seq: 149, progress: { step: 149 } });
  await again.update(jobId, (before) => ({ ...before, status: "running" }));
  const third = new LocalJobStore({ folder, retentionSeconds: 60 });
  expect(await third.get(jobId)).toMatchObject({ seq: 150, status: "running", progress: { step: 149 } });
  expect(text.trim().split("\n").length).toBeLessThan(70);
});

test("refuses an id that is not one, since files are named by it", async () => {
  const store = new LocalJobStore({ folder, retentionSeconds: 60 });
  await expect(store.create({ ...job("a"), jobId: "../a" })).rejects.toMatchObject({ retryable: false });
  expect(readdirSync(parent)).toEqual(["jobs"]);
});

test("a folder that can't be used is said at once", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(() => new LocalJobStore({ folder: join(file, "jobs"), retentionSeconds: 60 })).toThrow(
    /jobs in files/,
  );
});

test("belongs to one living process", async () => {
  const store = new LocalJobStore({ folder, retentionSeconds: 60 });
  writeFileSync(join(folder, "owner"), String(process.ppid));
  expect(() => new LocalJobStore({ folder, retentionSeconds: 60 })).toThrow(
    `process ${process.ppid} has '${folder}'`,
  );
  for (const left of ["999999999", "", String(process.pid)]) {
    writeFileSync(join(folder, "owner"), left);
    await new LocalJobStore({ folder, retentionSeconds: 60 }).close();
    expect(readdirSync(folder)).not.toContain("owner");
  }
  await store.close();
});
