/** What was measured on, and what can be known of its driver's shader cache, which decides how long a start takes. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism, cpus, homedir, loadavg, platform, release, totalmem } from "node:os";
import { join } from "node:path";

export interface Machine {
  readonly processor: string;
  /** That this process may use. */
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  readonly system: string;
  readonly node: string;
  /** Version of the npm package, which has Dawn in it. */
  readonly webgpu: string;
  /** Commit of this project, with "+" where files differ from it; undefined outside a clone. */
  readonly commit: string | undefined;
  /** NVIDIA's driver and cards as its kernel module names them; undefined where there is none. */
  readonly nvidia: string | undefined;
  /** Processes that wanted to run in the last minute, on average; undefined where the system does not tell. */
  readonly load: number | undefined;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory: totalmem(),
    system: `${platform()} ${release()}`,
    node: process.versions.node,
    webgpu: webgpuVersion(),
    commit: commit(),
    nvidia: nvidia(),
    load: platform() === "win32" ? undefined : loadavg()[0],
  };
}

function webgpuVersion(): string {
  const file = new URL("package.json", import.meta.resolve("webgpu"));
  return JSON.parse(readFileSync(file, "utf8")).version;
}

function commit(): string | undefined {
  const git = (...args: string[]) => {
    const { status, stdout } = spawnSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" });
    return status === 0 ? stdout.trim() : undefined;
  };
  const hash = git("rev-parse", "--short=10", "HEAD");
  return hash && `${hash}${git("status", "--porcelain", "--untracked-files=no") ? "+" : ""}`;
}

function nvidia(): string | undefined {
  const folder = "/proc/driver/nvidia";
  try {
    const version = /Kernel Module\S*\s+(?:for \S+\s+)?([\d.]+)/.exec(
      readFileSync(`${folder}/version`, "utf8"),
    )?.[1];
    const models = readdirSync(`${folder}/gpus`).map(
      (card) => /^Model:\s*(.+)$/m.exec(readFileSync(`${folder}/gpus/${card}/information`, "utf8"))?.[1],
    );
    return [`driver ${version}`, ...models].join(", ");
  } catch {
    return undefined;
  }
}

/** `filled`: it grew, so kernels were compiled in this run. `unknown`: not Mesa, whose cache is the one we know. */
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
