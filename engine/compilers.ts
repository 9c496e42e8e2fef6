/**
 * Processes that compile kernels into Mesa's shader cache: the parents' side of compiling-process.ts.
 *
 * Processes and not threads, since llvmpipe must not compile on two threads of a process where LP_NATIVE_VECTOR_WIDTH
 * is above 256, which dawn.ts sets: each compilation first puts the width back to 256 for all, until it has read the
 * variable again (Mesa 25.0.7, lp_build_init_native_width). Another that looks just then makes a kernel of two widths:
 * it writes beyond an array of its own ("stack smashing detected"), or the cache keeps what is wrong.
 */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { AdapterOptions } from "./dawn.ts";
import { type ErrorCode, StylizeError } from "./errors.ts";
import type { KernelFamilyName } from "./gpu/adapter.ts";
import type { Compiler } from "./gpu/context.ts";
import type { KernelText } from "./gpu/kernel.ts";

/** What a process opens its device with. */
export interface CompilerOptions extends AdapterOptions {
  readonly family?: KernelFamilyName;
}

/** What a process says when it is ready and behind each kernel. */
export interface CompilerAnswer {
  readonly error?: { readonly code: ErrorCode | undefined; readonly message: string };
}

/** So many as can be started, on the adapter that `options` ask for. Never rejects. */
export async function openCompilers(count: number, options: CompilerOptions): Promise<CompilerProcess[]> {
  const program = programFile();
  if (!program) return [];
  const started = Array.from({ length: count }, () => CompilerProcess.start(program, options));
  const opened = await Promise.allSettled(started);
  return opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

/** Undefined where this module stands in a bundle, without its neighbours. */
function programFile(): string | undefined {
  try {
    const here = fileURLToPath(import.meta.url);
    const program = fileURLToPath(new URL(`compiling-process${extname(here)}`, import.meta.url));
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

export class CompilerProcess implements Compiler {
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly pid: number | undefined;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid;
    this.ended = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
  }

  /** Resolves when its device is open; rejects where it can't be. */
  static async start(
    program: string,
    { adapter, backend, family }: CompilerOptions,
  ): Promise<CompilerProcess> {
    const isSource = extname(program) === ".ts"; // which runs through tsx
    const child = fork(program, [JSON.stringify({ adapter, backend, family })], {
      execArgv: isSource ? ["--import", import.meta.resolve("tsx")] : [],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const started = new CompilerProcess(child);
    await started.#answer();
    return started;
  }

  async compile({ key, label, code }: KernelText): Promise<void> {
    const answer = this.#answer();
    if (this.#child.connected) this.#child.send({ key, label, code } satisfies KernelText, () => {});
    await answer;
  }

  /** Tells it to go, which it does when what it compiled is on the disk. */
  [Symbol.dispose](): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }

  /** Throws what its next answer tells, or that it ended without one. */
  async #answer(): Promise<void> {
    const child = this.#child;
    const { error } = await new Promise<CompilerAnswer>((resolve) => {
      const gone = () =>
        resolve({ error: { code: "device-lost", message: "The process that compiles kernels has ended." } });
      child.once("message", resolve);
      this.ended.then(gone);
      if (!child.connected) gone();
    });
    if (error) throw error.code ? new StylizeError(error.code, error.message) : new Error(error.message);
  }
}
