/**
 * A worker as a child process, which never outlives its parent, even one that is killed: the worker's standard input is
 * a pipe that nobody writes to, and that ends when the parent does. A worker that finds `STYLIZE_PARENT_PIPE=1` in its
 * environment stops at that end; without it (in a container, where standard input may be closed from the start) it does
 * not look.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { isTrace } from "../common/trace.ts";
import type { WorkerJob } from "../protocol/protocol.ts";

export interface WorkerExit {
  /** 128 + n after signal n, as in containers; undefined when the worker could not be started. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** Why it could not be started. */
  readonly error: Error | undefined;
  /** The last line that it wrote to standard error, traces aside. */
  readonly lastError: string;
}

export interface WorkerProcess {
  readonly exit: Promise<WorkerExit>;
  /** SIGTERM now, SIGKILL when it has not exited after so long. */
  stop(killAfterMs: number): void;
}

export interface WorkerEvents {
  /** The process runs. */
  onStart(): void;
  /** It wrote a line to standard output or standard error. */
  onLine(line: string): void;
}

const lineCharacters = 1_000;
/** How long output is waited for after the exit: children of the worker may hold its pipes. */
const outputMs = 1_000;

/** What a worker is started with, after its command; AWS Batch gives the same. */
export function workerArguments(job: WorkerJob): string[] {
  return [job.contentKey, job.style, job.requestId, JSON.stringify(job.options)];
}

export function startWorker(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  events: WorkerEvents,
): WorkerProcess {
  let child: ChildProcess;
  try {
    child = spawn(command, args, { env: { ...env, STYLIZE_PARENT_PIPE: "1" }, stdio: "pipe" });
  } catch (error) {
    const exit = { code: undefined, signal: undefined, error: error as Error, lastError: "" };
    return { exit: Promise.resolve(exit), stop: () => {} };
  }
  child.once("spawn", () => events.onStart());
  child.stdin!.on("error", () => {});
  let kill: NodeJS.Timeout | undefined;
  return {
    exit: exitOf(child, events).finally(() => clearTimeout(kill)),
    stop(killAfterMs) {
      child.kill("SIGTERM");
      kill ??= setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    },
  };
}

function exitOf(child: ChildProcess, { onLine }: WorkerEvents): Promise<WorkerExit> {
  let lastError = "";
  createInterface(child.stdout!).on("line", onLine);
  createInterface(child.stderr!).on("line", (line) => {
    if (!isTrace(line)) lastError = line.slice(0, lineCharacters);
    onLine(line);
  });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      if (child.pid === undefined) resolve({ code: undefined, signal: undefined, error, lastError });
    });
    child.once("exit", (status, signal) => {
      const code = status ?? 128 + constants.signals[signal!];
      const finish = () => resolve({ code, signal: signal ?? undefined, error: undefined, lastError });
      const timer = setTimeout(finish, outputMs);
      child.once("close", () => {
        clearTimeout(timer);
        finish();
      });
    });
  });
}
