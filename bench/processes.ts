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

interface Note {
  readonly note: unknown;
}

export const childScript = fileURLToPath(new URL("child.ts", import.meta.url));

export interface ChildOptions {
  /** The process is ended where it says nothing for so many milliseconds. */
  readonly patience?: number;
  /** Takes what the child tells before it answers (`tell`). */
  readonly onNote?: (note: unknown) => void;
}

/** Runs `script` in a child process with `variables` in its environment. Throws with the child's own sentence. */
export async function askChild<Result>(
  script: string,
  request: unknown,
  variables: Readonly<Record<string, string>> = {},
  { patience, onNote }: ChildOptions = {},
): Promise<Result> {
  const child = fork(script, [JSON.stringify(request)], {
    env: { ...process.env, ...variables },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let answer: Answer | undefined;
  let isSilent = false;
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    clearTimeout(timer);
    if (patience === undefined) return;
    timer = setTimeout(() => {
      isSilent = true;
      child.kill("SIGKILL");
    }, patience);
  };
  wait();
  child.on("message", (message: Answer | Note) => {
    wait();
    if ("note" in message) onNote?.(message.note);
    else answer = message;
  });
  const said = text(child.stderr!);
  const [code, signal] = await once(child, "close");
  clearTimeout(timer);
  if (answer && "result" in answer) return answer.result as Result;
  if (answer && "measurement" in answer) return answer.measurement as Result;
  if (isSilent) throw new Error(`its process said nothing for ${patience! / 1e3} s and was ended`);
  throw new Error(
    answer?.problem ??
      `its process ended with ${signal ? `signal ${signal}` : `status ${code}`} and said: ${told(await said)}`,
  );
}

/** Without Dawn's warnings of limits that it lowers, which come with every adapter of some drivers. */
const told = (said: string): string => said.replaceAll(/^Warning: .*\n?/gm, "").trim();

/** Runs `use` with a folder that exists for as long. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stylize-bench-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Answers the request in argv over IPC, then ends the process, which ends with its parent, too. */
export function answer<Request>(work: (request: Request) => Promise<unknown>): void {
  process.once("disconnect", () => process.exit(1));
  const request: Request = JSON.parse(process.argv[2]!);
  work(request).then(
    (result) => process.send!({ result: result ?? null }, () => process.exit(0)),
    (error: unknown) => {
      process.send!({ problem: messageOf(error) }, () => process.exit(1));
    },
  );
}

/** Of a child: tells its parent something before it answers. Resolves when it is on its way, whatever happens then. */
export function tell(note: unknown): Promise<void> {
  return new Promise((resolve) => {
    process.send!({ note } satisfies Note, () => resolve());
  });
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
