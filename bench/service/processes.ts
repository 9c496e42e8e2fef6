/**
 * What the processes of a load test say to each other. Times are in milliseconds since 1970: one machine has one clock.
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { WorkerJob } from "../../protocol/protocol.ts";
import type { CloudPlace, StorePlaces } from "./stores.ts";

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

export interface GatewayRequest {
  readonly places: StorePlaces;
  readonly folder: string;
}

export type GatewayCommand =
  | { readonly ask: "usage" }
  /** `collect`: after the garbage is gone, which takes tens of milliseconds. */
  | { readonly ask: "memory"; readonly collect: boolean }
  /** Event loop delays since the last time that they were asked for. */
  | { readonly ask: "delays" }
  | { readonly ask: "close" };

export type GatewayAnswer =
  | { readonly kind: "ready"; readonly port: number }
  | { readonly kind: "job"; readonly job: WorkerJob }
  | { readonly kind: "error"; readonly where: string; readonly message: string }
  | { readonly kind: "usage"; readonly usage: Usage }
  | { readonly kind: "memory"; readonly memory: Memory }
  /** Milliseconds. */
  | { readonly kind: "delays"; readonly p99: number; readonly max: number };

export interface ClientRequest {
  /** One is chosen for each client in turn. */
  readonly ports: readonly number[];
  readonly clients: number;
  /** Number of the first of them among all. */
  readonly first: number;
  /** Data URL. */
  readonly image: string;
  readonly style: string;
}

export type ClientCommand =
  | {
      readonly ask: "load";
      readonly rate: number;
      /** When it begins and ends. */
      readonly from: number;
      readonly to: number;
      /** Milliseconds between public jobs; 0 for none. */
      readonly publicEvery: number;
    }
  | { readonly ask: "usage" }
  /** How many completions are missing. */
  | { readonly ask: "missing" }
  | { readonly ask: "report" }
  | { readonly ask: "close" };

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

export type ClientAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "done" }
  | { readonly kind: "missing"; readonly count: number }
  | { readonly kind: "usage"; readonly usage: Usage }
  | { readonly kind: "report"; readonly report: ClientReport };

export type CloudAnswer =
  | { readonly kind: "ready"; readonly place: CloudPlace }
  | { readonly kind: "usage"; readonly usage: Usage };

export interface CloudCommand {
  readonly ask: "usage";
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { user: user / 1000, system: system / 1000 };
}

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
