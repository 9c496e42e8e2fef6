/** The pages as they are served, for tests: built by the same command as elsewhere. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withLock } from "../../common/lock.mjs";
import { compiledPrograms } from "../../tests/programs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const vite = join(root, "node_modules/vite/bin/vite.js");

export interface TestPages extends AsyncDisposable {
  readonly folder: string;
}

/** The real pages: built once for a run of the tests, by the first who asks, and then nobody's to change. */
export async function buildPages(): Promise<TestPages> {
  const programs = compiledPrograms();
  if (programs === undefined) return buildPagesOf(join(root, "pages"));
  const folder = join(programs, "pages-built");
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const built = await mkdtemp(`${folder}-`);
    await build(join(root, "pages"), built);
    await rename(built, folder);
  });
  return { folder, [Symbol.asyncDispose]: async () => {} };
}

/** Takes a second or two. `source`: a folder with an index.html of its own, built in the same way. */
export async function buildPagesOf(source: string): Promise<TestPages> {
  const folder = await mkdtemp(join(tmpdir(), "stylize-pages-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    await build(source, folder);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { folder, [Symbol.asyncDispose]: dispose };
}

async function build(source: string, folder: string): Promise<void> {
  const flags = ["--config", "pages/vite.config.ts", "--outDir", folder, "--emptyOutDir"];
  // Not the mode of tests, which other code would be built for.
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, [vite, "build", source, ...flags], { cwd: root, env });
}
