/**
 * `npm run test:amd [-- FAMILY...]`: compiles every kernel for GPUs with Mesa's compiler for AMD, without one. Prints
 * registers, memory and instructions of each; fails where a kernel keeps values outside registers.
 *
 * Takes a C compiler, and RADV of Mesa 25 or older with RADV_FORCE_FAMILY (Debian's mesa-vulkan-drivers).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseStatistics, problemsIn, type Statistics } from "./statistics.ts";

/** RDNA 3 with matrix units and subgroups of 32 and 64, RDNA 2, GCN 5 with subgroups of 64. */
const FAMILIES = ["navi31", "navi21", "vega10"];

const DRIVERS = ["/usr/share/vulkan/icd.d/radeon_icd.json", "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json"];

const LAYER = "VK_LAYER_STYLIZE_null";

const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const columns = [
  ["VGPRs", "vgprs"],
  ["SGPRs", "sgprs"],
  ["spilled", "spilled"],
  ["scratch", "scratch"],
  ["LDS", "lds"],
  ["instructions", "instructions"],
  ["subgroups a SIMD", "subgroups"],
] as const;

process.exitCode = main(process.argv.slice(2));

function main(given: readonly string[]): number {
  const driver = DRIVERS.find(existsSync);
  if (!driver) return fail("Expected RADV, Mesa's driver for AMD's GPUs, but found none of its files.");
  const folder = mkdtempSync(join(tmpdir(), "stylize-amd-"));
  try {
    const problem = makeLayer(folder);
    if (problem) return fail(problem);
    const families = given.length > 0 ? given : FAMILIES;
    return families.map((family) => report(family, driver, folder)).every((isGood) => isGood) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function fail(message: string): number {
  console.error(message);
  return 1;
}

/** Compiles the layer to a folder in which the loader finds it; what is wrong, if anything is. */
function makeLayer(folder: string): string | undefined {
  const library = join(folder, "libnull-layer.so");
  const compiling = ["-shared", "-fPIC", "-O1", "-o", library, fileOf("null-layer.c")];
  const { status, error, stderr } = spawnSync("cc", compiling, { encoding: "utf8" });
  if (status !== 0)
    return `Expected a C compiler, 'cc', that makes null-layer.c but it fails: ${error?.message ?? stderr}`;
  const layer = {
    name: LAYER,
    type: "GLOBAL",
    library_path: library,
    api_version: "1.3.0",
    implementation_version: "1",
    description: "Does nothing with command buffers.",
  };
  writeFileSync(join(folder, "layer.json"), JSON.stringify({ file_format_version: "1.2.0", layer }));
  return undefined;
}

/** Prints what a family's compiler made. Whether all kernels stay in registers. */
function report(family: string, driver: string, folder: string): boolean {
  const env = {
    ...process.env,
    RADV_FORCE_FAMILY: family,
    RADV_DEBUG: "shaderstats,nocache",
    VK_DRIVER_FILES: driver,
    VK_LAYER_PATH: folder,
    VK_INSTANCE_LAYERS: LAYER,
  };
  const { stderr, status } = spawnSync(process.execPath, ["--import", "tsx", fileOf("compile.ts")], {
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const all = parseStatistics(stderr);
  if (status !== 0 || all.length === 0) {
    const last = stderr.trim().split("\n").at(-1);
    console.error(`Expected RADV to play a ${family}, which Mesa 25 and older can, but it does not: ${last}`);
    return false;
  }
  console.log(`\n${family}: ${all.length} kernels\n${tableOf(all)}`);
  const problems = problemsIn(all);
  for (const problem of problems) console.error(`${family}: ${problem}`);
  console.log(`${family}: ${problems.length} of ${all.length} kernels keep values outside registers.`);
  return problems.length === 0;
}

function tableOf(all: readonly Statistics[]): string {
  const head = columns.map(([title]) => title).join("  ");
  const rows = all.map(
    (one) =>
      `${columns.map(([title, key]) => String(one[key]).padStart(title.length)).join("  ")}  ${one.name}`,
  );
  return [`${head}  kernel`, ...rows].join("\n");
}
