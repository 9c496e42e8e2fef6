/** The command as it first runs on a machine: no shader compiled, an empty home, another folder, real processes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const main = fileURLToPath(import.meta.resolve("./main.ts"));
const tsx = import.meta.resolve("tsx");
const example = (name: string) => fileURLToPath(import.meta.resolve(`../examples/${name}`));

/** Every event of docs/cli.md, by what each line must have. */
const fields: Readonly<Record<string, string>> = {
  start: "adapter",
  step: "loss",
  saved: "path",
  note: "text",
};

test("says nothing but its events on standard output, and compiles kernels ahead on llvmpipe", () => {
  const home = mkdtempSync(join(tmpdir(), "stylize-first-run-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const { PATH, VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  const env = { PATH, VK_DRIVER_FILES, VK_ICD_FILENAMES, HOME: home, STYLIZE_DEBUG: "1" };
  const flags = ["--size", "45", "--min-size", "32", "--steps", "3", "--json", "-o", "out.png"];
  const args = ["--import", tsx, main, example("astronaut.jpg"), "--style", example("auvers.jpg"), ...flags];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: home, env, encoding: "utf8" });
  expect(status, stderr).toBe(0);

  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const event of events) expect(event).toHaveProperty(fields[event.event]!);
  expect(events.map(({ event }) => event)).toEqual(
    expect.arrayContaining(["start", ...Array(5).fill("step"), "saved"]),
  );
  expect(readFileSync(join(home, "out.png")).subarray(1, 4).toString()).toBe("PNG");

  expect(stderr).not.toMatch(/validation|failed/i);
  if (events[0].family !== "cpu" || availableParallelism() < 2) return;
  const compiled = /^debug: compiled (\d+) kernels ahead: (.*)$/m.exec(stderr);
  expect(compiled, stderr).not.toBeNull();
  expect(Number(compiled![1])).toBeGreaterThan(10);
  expect(compiled![2]).toContain("lbfgs_combine");
});
