/**
 * What the processes of a load test say to each other. Times are in milliseconds since 1970: one machine has one clock.
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** CPU time since the process began, in milliseconds. */
export interface Usage {
  readonly user: number;
  readonly system: number;
}

/** Bytes. */
export interface Memory {
  readonly rss: number;
  readonly heap: number;
  /** What Buffers hold. */
  readonly external: number;
}

/** One job as its client saw it. */
export interface JobSeen {
  readonly jobId: string;
  readonly isPublic: boolean;
  readonly sentAt: number;
  readonly acceptedAt: number;
  /** Of the first completion; undefined where none came. */
  readonly completedAt: number | undefined;
  /** Completions that came to the client that asked. */
  readonly completions: number;
}

/** A broadcast as the clients of one process saw it. */
export interface BroadcastSeen {
  readonly jobId: string;
  readonly lastAt: number;
  /** Clients that it came to. */
  readonly clients: number;
  /** Times that it came to a client beyond the first. */
  readonly duplicates: number;
}

export interface ClientReport {
  readonly jobs: readonly JobSeen[];
  readonly broadcasts: readonly BroadcastSeen[];
  /** Completions that came to somebody else. */
  readonly strays: number;
  readonly failures: number;
  /** Refused requests, by their code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly disconnects: number;
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { user: user / 1000, system: system / 1000 };
}

/** What a process tells, by a name: that it is ready, the result of a call, or news of its own. */
interface Told {
  readonly about: string;
  readonly value: unknown;
}

/** What the other side has, by the name of its call. */
interface Call {
  readonly call: string;
  readonly argument: unknown;
}

/** Tells the process that started this one. */
export function tell(about: string, value?: unknown): void {
  process.send!({ about, value } satisfies Told);
}

/** What a process does when it is asked. The next call of a name comes when the one before is answered. */
// biome-ignore lint/suspicious/noExplicitAny: each call has an argument of its own
export type Calls = Readonly<Record<string, (argument: any) => unknown>>;

/** Does what the process that started this one asks for; ends after `close`, or when that process ends. */
export function serve({ close, ...calls }: Calls): void {
  process.once("disconnect", () => process.exit(1));
  process.on("message", async ({ call, argument }: Call) => {
    if (call !== "close") return tell(call, await calls[call]!(argument));
    await close?.(undefined);
    process.exit(0);
  });
}

/** A process of `file`, beside this one, and the calls that it serves. */
export class Child<Served extends Calls, Ready = void> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<never>;
  /** What it told when it was ready. Throws where it ends before. */
  readonly ready: Promise<Ready>;

  /** `onNews` hears everything that it tells. */
  constructor(
    file: string,
    request: unknown,
    onNews: (about: string, value: never) => void = () => {},
    nodeArgs: readonly string[] = [],
  ) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(request)], {
      execArgv: [...process.execArgv, ...nodeArgs],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#process.on("message", ({ about, value }: { about: string; value: never }) => onNews(about, value));
    this.#ended = once(this.#process, "exit").then(([code, signal]) => {
      throw new Error(`${file} ended with ${signal ?? code}.`);
    });
    this.#ended.catch(() => {});
    this.ready = this.#told("ready") as Promise<Ready>;
    this.ready.catch(() => {});
  }

  /** The next that it tells about something. */
  #told(about: string): Promise<unknown> {
    const told = new Promise((resolve) => {
      const hear = (message: Told) => {
        if (message.about !== about) return;
        this.#process.off("message", hear);
        resolve(message.value);
      };
      this.#process.on("message", hear);
    });
    return Promise.race([told, this.#ended]);
  }

  /** Throws where the process ends before it has answered. */
  call<Name extends keyof Served & string>(
    call: Name,
    ...[argument]: Parameters<Served[Name]>
  ): Promise<Awaited<ReturnType<Served[Name]>>> {
    const result = this.#told(call);
    this.#process.send({ call, argument } satisfies Call);
    return result as Promise<Awaited<ReturnType<Served[Name]>>>;
  }

  /** Has the process close what it has, and waits for its end. */
  async close(): Promise<void> {
    const exit = once(this.#process, "exit");
    this.#process.send({ call: "close", argument: undefined } satisfies Call);
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }
}
