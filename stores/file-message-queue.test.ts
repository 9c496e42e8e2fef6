/** What holds for messages in files beside what holds for every message queue. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import { FileMessageQueue } from "./file-message-queue.ts";
import { MessageFiles, newOwner } from "./message-files.ts";
import { backoffMs, maxReceives } from "./message-queue.ts";
import { fillDisk, mountDisk } from "./testing/disk.ts";

function scratch() {
  const folder = mkdtempSync(join(tmpdir(), "message-files-"));
  const names = (name: string) => readdirSync(join(folder, name));
  return { folder, names, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

const soon = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 20 });
const elsewhere = (pid = 1) => `00000000.${pid}.0123456789abcdef`;
const claimName = (receives: number, owner: string) =>
  `000000000000001-1-${receives}-0123456789abcdef-${owner}`;

/** A process that prints each body that it handles. */
function receiverProcess(folder: string) {
  const url = new URL("./file-message-queue.ts", import.meta.url).href;
  const script = `
    import { FileMessageQueue } from ${JSON.stringify(url)};
    new FileMessageQueue(${JSON.stringify(folder)}).receive(async (body) => console.log(body));
    console.log("ready");`;
  const args = ["--import", "tsx", "--input-type=module", "-e", script];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  return { child, lines: createInterface(child.stdout), [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

test("several processes on one folder share the messages: each is handled once", async () => {
  using place = scratch();
  using a = receiverProcess(place.folder);
  using b = receiverProcess(place.folder);
  using c = receiverProcess(place.folder);
  const all = [a, b, c];
  const handled = all.map((): string[] => []);
  await Promise.all(all.map(({ lines }) => once(lines, "line")));
  all.forEach(({ lines }, i) => {
    lines.on("line", (line) => handled[i]!.push(line));
  });
  const queue = new FileMessageQueue(place.folder);
  const bodies = Array.from({ length: 500 }, (_, i) => String(i));
  for (const body of bodies) await queue.publish(body);
  await soon(() => expect(handled.flat().length).toBeGreaterThanOrEqual(500));
  await soon(() => expect([place.names("ready"), place.names("claimed")]).toEqual([[], []]));
  expect(handled.flat().sort()).toEqual(bodies.sort());
});

test("a claim of a process that is gone is given back at once, others' only when nobody touches them", async () => {
  using place = scratch();
  const files = new MessageFiles(place.folder);
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "close");
  const here = newOwner().split(".")[0];
  const names = {
    gone: claimName(1, `${here}.${child.pid}.0123456789abcdef`),
    mine: claimName(1, newOwner()),
    alive: claimName(1, `${here}.${process.ppid}.0123456789abcdef`),
    earlier: claimName(1, `${here}.${process.pid}.0123456789abcdef`),
    elsewhere: claimName(1, elsewhere(child.pid)),
  };
  for (const name of Object.values(names)) writeFileSync(join(place.folder, "claimed", name), "");
  await files.releaseAbandoned(60_000);
  expect(place.names("claimed").sort()).toEqual([names.mine, names.alive, names.elsewhere].sort());

  for (const name of place.names("claimed")) utimesSync(join(place.folder, "claimed", name), 1, 1);
  await files.releaseAbandoned(60_000);
  expect(place.names("claimed")).toEqual([]);
});

test("a message that has waited long is not taken from whoever just claimed it", async () => {
  using place = scratch();
  const files = new MessageFiles(place.folder);
  await files.add("old");
  const [name] = await files.ready();
  utimesSync(join(place.folder, "ready", name!), 1, 1);
  const claims = await Promise.all([files.claim(name!, newOwner()), files.claim(name!, newOwner())]);
  expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
  await files.releaseAbandoned(60_000);
  expect([place.names("claimed").length, place.names("ready").length]).toEqual([1, 0]);
});

test("a message that killed its receivers too often is put aside, and can be tried again by hand", async () => {
  using place = scratch();
  const files = new MessageFiles(place.folder);
  writeFileSync(join(place.folder, "claimed", claimName(maxReceives, elsewhere())), "poison");
  await files.releaseAbandoned(-1);
  const [name] = place.names("dead");
  expect(readFileSync(join(place.folder, "dead", name!), "utf8")).toBe("poison");
  expect(place.names("ready")).toEqual([]);

  renameSync(join(place.folder, "dead", name!), join(place.folder, "ready", name!));
  const got: string[] = [];
  const receiver = new FileMessageQueue(place.folder).receive(async (body) => void got.push(body));
  await soon(() => expect(got).toEqual(["poison"]));
  await receiver.stop();
});

test("leaves alone what is no message, and removes old drafts only", async () => {
  using place = scratch();
  const queue = new FileMessageQueue(place.folder);
  for (const [name, seconds] of [
    ["ready/.DS_Store", 1],
    ["claimed/notes.txt", 1],
    ["new/old", 1],
    ["new/young", Date.now() / 1000],
  ] as const) {
    writeFileSync(join(place.folder, name), "");
    utimesSync(join(place.folder, name), seconds, seconds);
  }
  const receiver = queue.receive(async () => {});
  await soon(() => expect(place.names("new")).toEqual(["young"]));
  await receiver.stop();
  expect(await queue.depth()).toBe(0);
  expect([place.names("ready"), place.names("claimed")]).toEqual([[".DS_Store"], ["notes.txt"]]);
});

test("takes no message for handled or given back where a file stands in its folder's place", async () => {
  using place = scratch();
  const files = new MessageFiles(place.folder);
  await files.add("kept");
  const claim = await files.claim((await files.ready())[0]!, newOwner());
  const claimed = join(place.folder, "claimed");
  renameSync(claimed, join(place.folder, "elsewhere"));
  writeFileSync(claimed, "");
  const works = [files.keep(claim!), files.delete(claim!), files.release(claim!, 0)];
  const codes = (await Promise.allSettled(works)).map(
    (work) => work.status === "rejected" && work.reason.code,
  );
  expect(codes).toEqual(["ENOTDIR", "ENOTDIR", "ENOTDIR"]);
});

test("tells of a folder that is gone, and goes on once it is back", async () => {
  using place = scratch();
  const errors: unknown[] = [];
  const queue = new FileMessageQueue(place.folder, {
    pollMs: 20,
    onError: (error) => errors.push(error),
  });
  const got: string[] = [];
  const receiver = queue.receive(async (body) => void got.push(body));
  rmSync(place.folder, { recursive: true });
  await soon(() => expect(errors.length).toBeGreaterThan(2));
  await expect(queue.publish("lost")).rejects.toMatchObject({ name: "StoreError", retryable: true });
  await expect(queue.check()).rejects.toMatchObject({ name: "StoreError" });

  for (const name of ["new", "ready", "claimed", "dead"]) {
    mkdirSync(join(place.folder, name), { recursive: true });
  }
  await queue.publish("back");
  await soon(() => expect(got).toEqual(["back"]));
  await receiver.stop();
});

test("a full disk takes no message, and keeps no part of one", async ({ skip }) => {
  using place = scratch();
  using disk = mountDisk(join(place.folder, "disk"), 1 << 20);
  if (!disk) return skip();
  const queue = new FileMessageQueue(disk.path);
  const filler = join(disk.path, "filler");
  fillDisk(filler);
  const body = "x".repeat(10_000);
  const full = { name: "StoreError", retryable: true, cause: { code: "ENOSPC" } };
  await expect(queue.publish(body)).rejects.toMatchObject(full);
  expect([place.names("disk/new"), place.names("disk/ready")]).toEqual([[], []]);
  rmSync(filler);
  await queue.publish(body);
  expect(await queue.depth()).toBe(1);
});

test("waits double, up to a most, and are never the same for all", () => {
  for (const [tries, full] of [
    [1, 100],
    [2, 200],
    [4, 800],
    [9, 1000],
    [5000, 1000],
  ] as const) {
    const waits = Array.from({ length: 50 }, () => backoffMs(tries, 100, 1000));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(full / 2);
    expect(Math.max(...waits)).toBeLessThanOrEqual(full);
    expect(new Set(waits).size).toBeGreaterThan(1);
  }
});
