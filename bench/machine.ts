/** What was measured on. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import type { AdapterReport } from "./report.ts";

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

/** Bits of the vectors that llvmpipe computes in; undefined for other adapters. */
export function vectorBits({ device }: AdapterReport): number | undefined {
  const bits = /(\d+)-bits/.exec(device)?.[1];
  return bits === undefined ? undefined : Number(bits);
}
