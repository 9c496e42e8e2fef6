/** The pages as they are served, for tests: built into a folder of their own by the same command as elsewhere. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const vite = join(root, "node_modules/vite/bin/vite.js");

export interface TestPages extends AsyncDisposable {
  readonly folder: string;
}

/** Takes a second or two. `source`: a folder with another index.html, built in the same way. */
export async function buildPages(source = join(root, "pages")): Promise<TestPages> {
  const folder = await mkdtemp(join(tmpdir(), "stylize-pages-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  const args = [
    vite,
    "build",
    source,
    "--config",
    "pages/vite.config.ts",
    "--outDir",
    folder,
    "--emptyOutDir",
  ];
  // Not the mode of tests, which other code would be built for.
  const env = { ...process.env, NODE_ENV: "production" };
  try {
    await promisify(execFile)(process.execPath, args, { cwd: root, env });
  } catch (error) {
    await dispose();
    throw error;
  }
  return { folder, [Symbol.asyncDispose]: dispose };
}
