/**
 * Programs that tests start as processes, compiled once for a run of the tests: a start through tsx takes two to three
 * times as long, and there are hundreds. Also vitest's global setup, which compiles them.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { lives } from "../common/lock.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const programs = [
  ".aws/tests/testing/worker.ts",
  "cli/main.ts",
  "engine/compiling-process.ts",
  "gateway/main.ts",
  "gateway/testing/main.ts",
  "gateway/testing/witness.ts",
  "gateway/testing/worker.ts",
  "worker/has-gpu.ts",
  "worker/main.ts",
];
/** What they look for beside themselves. */
const beside = ["examples", "package.json", "shaders", "weights/compact"];

/** The folder of the compiled programs, where they were compiled: else tests start their sources. */
const VARIABLE = "STYLIZE_TEST_PROGRAMS";

/** Node's arguments for a program of the project, in front of the program's own. */
export function nodeArguments(program: string): string[] {
  const folder = compiledPrograms();
  if (folder === undefined) return ["--import", import.meta.resolve("tsx"), join(root, program)];
  return [join(folder, compiledName(program))];
}

/** Where they were compiled, with what they look for beside themselves; removed after the run. */
export function compiledPrograms(): string | undefined {
  return process.env[VARIABLE];
}

/** The address of a module for Node's `--import`, in front of which stands what it needs. */
export function preloading(module: string): string[] {
  const args = nodeArguments(module);
  return [...args.slice(0, -1), "--import", pathToFileURL(args.at(-1)!).href];
}

function compiledName(program: string): string {
  if (!programs.includes(program))
    throw new Error(`Expected one of ${programs.join(", ")} but received ${program}.`);
  return program.replace(/\.ts$/, ".js");
}

/** Compiles them, without looking at types; returns how to remove them again. */
export default function setup(): () => void {
  const cache = join(root, ".cache"); // inside the project, whose packages they import
  const folder = join(cache, `programs-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(cache)) {
    const [, pid] = /^programs-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !lives(Number(pid))) rmSync(join(cache, name), { recursive: true }); // killed
  }
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { noEmit: false, noCheck: true, outDir: folder, rootDir: root },
    files: programs.map((program) => join(root, program)),
    include: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc"); // vitest's global setup can't resolve packages
  execFileSync(process.execPath, [tsc, "-p", folder], { stdio: "inherit" });
  for (const path of beside) symlinkSync(join(root, path), join(folder, path));
  process.env[VARIABLE] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
