/**
 * `npm run test:matrix [-- FOLDER]`: the tests of convolutions, of the self-test and of tuning, on matrix units that a
 * processor plays: those of Mesa's lavapipe from version 26 on, with f16 operands, 8x8x8 and subgroups of 8.
 *
 * FOLDER holds a Mesa that was unpacked with all libraries it needs (docs/architecture.md, "Tests"); without it the
 * system's own is taken. Fails where the adapter has no matrix units.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

process.exitCode = main(process.argv.slice(2));

function main([folder]: readonly string[]): number {
  const own = mkdtempSync(join(tmpdir(), "stylize-matrix-"));
  try {
    return run(folder === undefined ? [process.execPath] : nodeWith(resolve(folder), own), own);
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  } finally {
    rmSync(own, { recursive: true });
  }
}

/** Node with the libraries of `mesa`, its loader's and C's included, as a command; sets the driver. */
function nodeWith(mesa: string, own: string): string[] {
  const libraries = join(mesa, "usr", "lib", "x86_64-linux-gnu");
  const loader = join(libraries, "ld-linux-x86-64.so.2");
  const manifests = ["lvp_icd.json", "lvp_icd.x86_64.json"].map((name) =>
    join(mesa, "usr/share/vulkan/icd.d", name),
  );
  const manifest = manifests.find(existsSync);
  for (const path of [loader, manifest ?? manifests[0]!]) {
    if (!existsSync(path))
      throw new Error(`Expected Debian's packages unpacked in ${mesa} but found no ${path}.`);
  }
  const driver = JSON.parse(readFileSync(manifest!, "utf8"));
  driver.ICD.library_path = join(libraries, basename(driver.ICD.library_path));
  const unpacked = join(own, "lavapipe.json");
  writeFileSync(unpacked, JSON.stringify(driver));
  process.env.VK_DRIVER_FILES = unpacked;
  return [loader, "--library-path", libraries, process.execPath];
}

function run([program, ...options]: string[], cache: string): number {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const config = fileURLToPath(new URL("vitest.config.ts", import.meta.url));
  const { status, error } = spawnSync(
    program!,
    [...options, vitest, "run", "--config", config, "--root", root],
    {
      stdio: "inherit",
      env: {
        ...process.env,
        LP_NATIVE_VECTOR_WIDTH: "256", // lavapipe has none for others
        MESA_SHADER_CACHE_DIR: cache,
        STYLIZE_EXPECTS_MATRIX_UNITS: "1",
      },
    },
  );
  if (error) throw error;
  return status ?? 1;
}
