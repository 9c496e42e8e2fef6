/** For tests: the worker as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import type { WorkerJob } from "../../protocol/protocol.ts";
import { nodeArguments } from "../../tests/programs.ts";

export function argumentsOf({ contentKey, style, requestId, options }: WorkerJob): string[] {
  return [contentKey, style, requestId, JSON.stringify(options)];
}

/** A worker that is killed at the latest when the test ends. */
export class TestWorker implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Exit status, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    const { PATH = "", HOME = "" } = process.env;
    const all = { PATH, HOME, STYLIZE_WEIGHTS: "compact-small", STYLIZE_REQUIRE_GPU: "false", ...env };
    this.child = spawn(process.execPath, [...nodeArguments("worker/main.ts"), ...args], {
      env: all,
      stdio: "pipe",
    });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.exit = new Promise((resolve) => {
      this.child.once("close", (code, signal) => resolve(code ?? signal!));
    });
  }

  /** The records of its log. */
  get log(): Record<string, unknown>[] {
    const lines = this.stderr.split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exit;
  }
}
