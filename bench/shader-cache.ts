/** What can be known of the driver's own shader cache, which decides how long a start takes. */
import { readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * `filled`: it grew, so some or all kernels were compiled in this run. `unknown`: not Mesa, whose cache is the one we
 * know.
 */
export type CacheState = "warm" | "filled" | "unknown";

/**
 * Watches Mesa's cache from now on; returns what tells its state later. Call it after the device is open, which chooses
 * the folder.
 */
export function watchShaderCache(vendor: string): () => CacheState {
  if (vendor !== "mesa") return () => "unknown";
  const folder = cacheFolder();
  const before = bytesIn(folder);
  return () => (bytesIn(folder) > before ? "filled" : "warm");
}

/** Variables that point the caches of Mesa and of NVIDIA's driver to `folder`. */
export function cacheVariables(folder: string): Record<string, string> {
  return { MESA_SHADER_CACHE_DIR: folder, __GL_SHADER_DISK_CACHE_PATH: folder };
}

function cacheFolder(): string {
  const { MESA_SHADER_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  return MESA_SHADER_CACHE_DIR ?? XDG_CACHE_HOME ?? join(homedir(), ".cache");
}

function bytesIn(folder: string): number {
  let bytes = 0;
  try {
    for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (path.includes("mesa_shader_cache"))
        bytes += statSync(join(folder, path), { throwIfNoEntry: false })?.size ?? 0;
    }
  } catch {
    // no folder yet: an empty cache
  }
  return bytes;
}
