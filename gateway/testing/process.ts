/** Gateways as processes of their own, for tests that kill them, and the processes of their workers. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { lives } from "../../common/lock.mjs";
import { nodeArguments } from "../../tests/programs.ts";

/** Limits that no test meets. */
export const wideLimits = [
  ...["--jobs-per-minute", "10000", "--jobs-per-client", "1000"],
  ...["--jobs-per-day", "100000", "--requests-per-minute", "100000"],
];

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class GatewayProcess implements AsyncDisposable {
  /** Its log, a line each. */
  readonly lines: string[] = [];
  readonly exit: Promise<ProcessExit>;
  port = 0;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stderr! }).on("line", (line) => this.lines.push(line));
    this.exit = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  }

  /** Resolves once it listens. The environment is added to ours. */
  static async start(flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<GatewayProcess> {
    const args = [...nodeArguments("gateway/testing/main.ts"), "--port", "0", ...wideLimits, ...flags];
    const child = spawn(process.execPath, args, {
      stdio: "pipe",
      env: { ...process.env, ...env },
    });
    const gateway = new GatewayProcess(child);
    gateway.port = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout! }).on("line", (line) => {
        const port = /^Listening on http:\/\/127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
        if (port !== undefined) resolve(Number(port));
      });
      void gateway.exit.then(() =>
        reject(new Error(`Expected a gateway but received:\n${gateway.lines.join("\n")}`)),
      );
    });
    return gateway;
  }

  /** Messages of its log of a level, in pino's numbers, or above. */
  logged(level: number): string[] {
    const entries = this.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    return entries.filter((entry) => entry.level >= level).map(({ msg, err }) => `${msg}: ${err?.message}`);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<ProcessExit> {
    this.#child.kill(signal);
    return this.exit;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
    return { status: response.status, text: await response.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.kill();
  }
}

/** The stand-in for the worker leaves a file of its process id here, and waits for the gate where its style says so. */
export class WorkerWatch {
  readonly env: { readonly TEST_WORKERS: string; readonly TEST_GATE: string };
  readonly #folder: string;

  /** The folder must be there. */
  constructor(folder: string) {
    this.#folder = folder;
    this.env = { TEST_WORKERS: folder, TEST_GATE: join(folder, "gate") };
  }

  /** All workers that ever began, with their jobs. */
  began(): { readonly pid: number; readonly jobId: string }[] {
    return readdirSync(this.#folder).flatMap((name) => {
      const [, jobId, pid] = /^([0-9a-f]{32})\.(\d+)$/.exec(name) ?? [];
      return jobId === undefined ? [] : [{ pid: Number(pid), jobId }];
    });
  }

  running(): { readonly pid: number; readonly jobId: string }[] {
    return this.began().filter(({ pid }) => isAlive(pid));
  }
}

/** Whether a process runs; one that has ended and was not yet collected by its parent does not. */
export function isAlive(pid: number): boolean {
  if (!lives(pid)) return false;
  const stat = `/proc/${pid}/stat`;
  try {
    return !existsSync(stat) || !/^\d+ \(.*\) Z/.test(readFileSync(stat, "utf8"));
  } catch {
    return false;
  }
}
