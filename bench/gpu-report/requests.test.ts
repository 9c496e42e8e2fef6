import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askForUnits } from "./requests.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stylize-units-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A child that tells of its units as doUnits does, and dies of those whose names say so. */
function childWith(...units: readonly string[]): string {
  const file = join(folder, `child-${units.length}.mjs`);
  writeFileSync(
    file,
    `const { skip } = JSON.parse(process.argv[2]);
    const tell = (note) => new Promise((resolve) => process.send({ note }, resolve));
    for (const unit of ${JSON.stringify(units)}.slice(skip)) {
      await tell({ begins: unit });
      if (unit === "crash") process.kill(process.pid, "SIGKILL");
      if (unit === "crash") await new Promise(() => setInterval(() => {}, 1000));
      if (unit === "lost") await new Promise((resolve) => process.send({ problem: "The device was lost." }, resolve));
      if (unit === "lost") process.exit(1);
      await tell({ row: unit });
    }
    process.send({ result: null }, () => process.exit(0));`,
  );
  return file;
}

async function rowsOf(child: string): Promise<string[]> {
  const rows: string[] = [];
  const request = {
    part: "operations",
    family: "gpu",
    device: undefined,
    oneOfEach: false,
    skip: 0,
  } as const;
  const lost = (label: string, message: string) => `${label}: ${message}`;
  await askForUnits<string>(request, lost, (row) => rows.push(row), child);
  return rows;
}

test("what a process dies of is told, and the others are done by another", async () => {
  const rows = await rowsOf(childWith("a", "lost", "b", "crash", "c"));
  expect(rows).toEqual([
    "a",
    "lost: The device was lost.",
    "b",
    expect.stringMatching(/^crash: its process ended with signal SIGKILL/),
    "c",
  ]);
});

test("a process that comes to nothing is not tried again, nor is one after many deaths", async () => {
  writeFileSync(join(folder, "nothing.mjs"), "process.exit(3);");
  await expect(rowsOf(join(folder, "nothing.mjs"))).rejects.toThrow("ended with status 3");
  const deaths = Array.from({ length: 8 }, () => "lost");
  await expect(rowsOf(childWith(...deaths))).rejects.toThrow("The device was lost.");
});
