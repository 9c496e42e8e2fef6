/** Programs that npm scripts start see files as the caller does; others are not misled by what they inherit. */
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize as called "));
  await copyFile(join(root, "examples", "auvers.jpg"), join(folder, "only here.jpg"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs a program in `cwd`, as a script does whose caller stands in `caller`. */
function run(cwd: string, caller: string, ...argv: string[]) {
  const args = ["--import", import.meta.resolve("tsx"), ...argv];
  const env = { ...process.env, INIT_CWD: caller };
  return new Promise<{ status: number; stdout: string; stderr: string }>((done) => {
    execFile(process.execPath, args, { cwd, env }, (error, stdout, stderr) =>
      done({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const dry = ["only here.jpg", "--style", "only here.jpg", "-o", "out.png", "--size", "64", "--dry-run"];

it("a script's program finds files where its caller stands", { timeout: 60_000 }, async () => {
  const { status, stdout } = await run(root, folder, "setup/as-called.mjs", "cli/main.ts", ...dry);
  expect(status).toBe(0);
  expect(stdout).toContain("only here.jpg");
  expect(await run(root, tmpdir(), "setup/as-called.mjs", "cli/main.ts", ...dry)).toMatchObject({
    status: 3,
  });
});

it("the demo has the examples from anywhere, and writes where its caller stands", {
  timeout: 60_000,
}, async () => {
  const { status, stdout } = await run(
    root,
    folder,
    "setup/as-called.mjs",
    "cli/demo.ts",
    "--dry-run",
    "--json",
  );
  expect(status).toBe(0);
  expect(JSON.parse(stdout.trimEnd().split("\n").at(-1)!)).toMatchObject({
    output: "demo.png",
    content: { width: 512, height: 512 },
  });
});

it("a program that is started otherwise stays where it is", { timeout: 60_000 }, async () => {
  const main = join(root, "cli", "main.ts");
  expect(await run(folder, root, main, ...dry)).toMatchObject({ status: 0 });
  expect(await run(root, folder, main, ...dry)).toMatchObject({ status: 3 });
});

it("a caller's folder that is gone is said, and not replaced by the clone", async () => {
  const { status, stderr } = await run(
    root,
    join(folder, "gone"),
    "setup/as-called.mjs",
    "cli/main.ts",
    ...dry,
  );
  expect(status).toBe(2);
  expect(stderr).toBe(
    `error: Expected the folder '${join(folder, "gone")}', from which npm was called, but the system says ENOENT.\n`,
  );
});

it("every script with a program that takes names of files starts it so", async () => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const programs = Object.entries<string>(scripts).flatMap(([name, line]) =>
    [...line.matchAll(/\btsx (\S+)/g)].map(([, first]) => [name, first]),
  );
  const others = programs.filter(([, first]) => first !== "setup/as-called.mjs");
  const taking = ["packaging/build.ts", "pages/screens.ts", "tests/amd/main.ts"]; // packages, screens, makes of GPUs
  expect([...new Set(others.map(([, first]) => first))].sort()).toEqual(taking);
  expect(programs.length).toBeGreaterThan(5);
});
