/** Child processes that measure, other programs, and what this one says and writes. */

import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

/** `measurement` is what earlier commits called it, which --against runs. */
type Answer = { readonly result: unknown } | { readonly measurement: unknown } | { readonly problem: string };

export const childScript = fileURLToPath(new URL("child.ts", import.meta.url));

/** Runs `script` in a child process with `variables` in its environment. Throws with the child's own sentence. */
export async function askChild<Result>(
  script: string,
  request: unknown,
  variables: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const child = fork(script, [JSON.stringify(request)], {
    env: { ...process.env, ...variables },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let answer: Answer | undefined;
  child.once("message", (message) => {
    answer = message as Answer;
  });
  const said = text(child.stderr!);
  const [code, signal] = await once(child, "close");
  if (answer && "result" in answer) return answer.result as Result;
  if (answer && "measurement" in answer) return answer.measurement as Result;
  throw new Error(
    answer?.problem ??
      `its process ended with ${signal ? `signal ${signal}` : `status ${code}`} and said: ${(await said).trim()}`,
  );
}

/** Runs `use` with a folder that exists for as long. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stylize-bench-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Answers the request in argv over IPC, then ends the process. */
export function answer<Request>(work: (request: Request) => Promise<unknown>): void {
  const request: Request = JSON.parse(process.argv[2]!);
  work(request).then(
    (result) => process.send!({ result }, () => process.exit(0)),
    (error: unknown) => {
      process.send!({ problem: messageOf(error) }, () => process.exit(1));
    },
  );
}

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
export async function run(command: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  const { folder = peersFolder, variables = {}, timeout } = options;
  const [program, ...args] = command;
  const child = spawn(program!, args, {
    cwd: folder,
    env: { ...process.env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
    timeout,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  try {
    const [code, signal] = await once(child, "close");
    const limit = timeout ? `, at the latest after ${timeout / 1e3} s` : "";
    const killed = signal ? `\nended by ${signal}${limit}` : "";
    return { ok: code === 0, stdout: await stdout, stderr: (await stderr) + killed };
  } catch (error) {
    return { ok: false, stdout: await stdout, stderr: messageOf(error) };
  }
}

/** The last line that says something; of Node's own reports, the one with the error. */
export function lastLine(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
  return lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? "nothing";
}

/** Makes its folder, too. */
export function write(file: string, content: string, tell = say): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  tell(`wrote ${file}`);
}

export function say(sentence: string): void {
  process.stderr.write(`bench: ${sentence}\n`);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
