/** Other programs. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

export const peersFolder = fileURLToPath(new URL("peers", import.meta.url));

export interface Finished {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Where it runs; the peers' folder when not given. */
  readonly folder?: string;
  /** In its environment, beside those of this process. */
  readonly variables?: Readonly<Record<string, string>>;
  /** It is ended after so many milliseconds. */
  readonly timeout?: number;
}

/** Runs `command`. Never throws. */
export function run(command: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  const { folder = peersFolder, variables = {}, timeout } = options;
  const [program, ...args] = command;
  const child = spawn(program!, args, {
    cwd: folder,
    env: { ...process.env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
    timeout,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  return new Promise((resolve) => {
    child.once("error", ({ message }) => resolve({ ok: false, stdout, stderr: message }));
    child.once("close", (code, signal) => {
      const killed = signal
        ? `\nended by ${signal}${timeout ? `, at the latest after ${timeout / 1e3} s` : ""}`
        : "";
      resolve({ ok: code === 0, stdout, stderr: stderr + killed });
    });
  });
}

/** The last line that says something; of Node's own reports, the one with the error. */
export function lastLine(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
  return lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? "nothing";
}
