/** Child processes that are asked and answer, one question of a kind at a time. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

interface Spoken {
  readonly kind: string;
}

export class Child<Command extends { readonly ask: string }, Answer extends Spoken>
  implements AsyncDisposable
{
  readonly #process: ChildProcess;
  readonly #ended: Promise<never>;

  /** `file` beside this one; `onSaid` hears everything. */
  constructor(
    file: string,
    request: unknown,
    onSaid: (answer: Answer) => void,
    nodeArgs: readonly string[] = [],
  ) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(request)], {
      execArgv: [...process.execArgv, ...nodeArgs],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#process.on("message", onSaid as (message: unknown) => void);
    this.#ended = new Promise((_, reject) => {
      this.#process.once("exit", (code, signal) =>
        reject(new Error(`${file} ended with ${signal ?? code}.`)),
      );
    });
    this.#ended.catch(() => {});
  }

  /** The next of what it says of that kind. Throws where it ends before. */
  async next<Kind extends Answer["kind"]>(kind: Kind): Promise<Extract<Answer, { kind: Kind }>> {
    const said = new Promise<Extract<Answer, { kind: Kind }>>((resolve) => {
      const hear = (answer: Answer) => {
        if (answer.kind !== kind) return;
        this.#process.off("message", hear as never);
        resolve(answer as Extract<Answer, { kind: Kind }>);
      };
      this.#process.on("message", hear as never);
    });
    return Promise.race([said, this.#ended]);
  }

  /** Asks, and waits for an answer of that kind. */
  async ask<Kind extends Answer["kind"]>(
    command: Command,
    kind: Kind,
  ): Promise<Extract<Answer, { kind: Kind }>> {
    const answer = this.next(kind);
    this.#process.send(command);
    return answer;
  }

  /** Gives the last command, and waits for the process to end. */
  async end(command: Command): Promise<void> {
    const exit = once(this.#process, "exit");
    this.#process.send(command);
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }
}
