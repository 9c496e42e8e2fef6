/** What was measured on. */
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
    load: platform() === "win32" ? undefined : loadavg()[0],
  };
}

/** Bits of the vectors that llvmpipe computes in; undefined for other adapters. */
export function vectorBits({ device }: AdapterReport): number | undefined {
  const bits = /(\d+)-bits/.exec(device)?.[1];
  return bits === undefined ? undefined : Number(bits);
}
