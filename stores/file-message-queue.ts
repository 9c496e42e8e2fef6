/** A message queue in a folder of one machine (message-files.ts): processes that are killed lose no message. */
import { type FSWatcher, watch } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Claim, forgetOwner, MessageFiles, newOwner, parse } from "./message-files.ts";
import {
  backoffMs,
  checkMessageSize,
  jobOfMessage,
  type MessageQueue,
  type Receiver,
  traceMessages as trace,
} from "./message-queue.ts";
import { StoreError } from "./object-store.ts";

export interface FileMessageQueueOptions {
  /** Messages handled at a time by one receiver. */
  readonly handlers?: number;
  /** After so long without a sign of life from its handler a message is given to another. */
  readonly visibilityMs?: number;
  /** How often the folder is looked at beside being watched. */
  readonly pollMs?: number;
  /** How long the first retry waits; each further one twice as long. */
  readonly retryMs?: number;
  /** Is told what handlers throw, and failures of the folder. */
  readonly onError?: (error: unknown) => void;
}

type Options = Required<FileMessageQueueOptions>;
type Handle = Parameters<MessageQueue["receive"]>[0];

const maxRetryMs = 60_000;

export class FileMessageQueue implements MessageQueue {
  readonly #files: MessageFiles;
  readonly #options: Options;

  /** Makes `folder` where it is missing. */
  constructor(folder: string, options: FileMessageQueueOptions = {}) {
    this.#files = new MessageFiles(folder);
    const defaults = { handlers: 50, visibilityMs: 30_000, pollMs: 2_000, retryMs: 1_000, onError: () => {} };
    this.#options = { ...defaults, ...options };
  }

  async publish(body: string): Promise<void> {
    checkMessageSize(body);
    await reported("take a message", () => this.#files.add(body));
    trace(() => `${jobOfMessage(body)} published`);
  }

  receive(handle: Handle): Receiver {
    return new FileReceiver(this.#files, handle, this.#options);
  }

  async depth(): Promise<number> {
    return (await reported("count its messages", () => this.#files.ready())).length;
  }

  async check(): Promise<void> {
    await this.depth();
  }
}

class FileReceiver implements Receiver {
  readonly #files: MessageFiles;
  readonly #handle: Handle;
  readonly #options: Options;
  readonly #owner = newOwner();
  readonly #running = new Set<Promise<void>>();
  /** Names of messages that a handler is being started for. */
  readonly #claiming = new Set<string>();
  readonly #watcher: FSWatcher | undefined;
  readonly #poll: NodeJS.Timeout;
  readonly #loop: Promise<void>;
  #stopped = false;
  /** Aborted by news. */
  #nap = new AbortController();

  constructor(files: MessageFiles, handle: Handle, options: Options) {
    this.#files = files;
    this.#handle = handle;
    this.#options = options;
    this.#watcher = this.#watch();
    this.#poll = setInterval(() => this.#sweep(), options.pollMs);
    void files.removeDrafts().catch(options.onError);
    this.#sweep();
    this.#loop = this.#receive();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#nap.abort();
    clearInterval(this.#poll);
    this.#watcher?.close();
    await this.#loop;
    await Promise.all(this.#running);
    forgetOwner(this.#owner);
  }

  /** A machine may have no watches left; then the poll alone finds messages. */
  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(this.#files.readyFolder, () => this.#nap.abort());
      return watcher.on("error", (error) => {
        this.#options.onError(error);
        watcher.close();
      });
    } catch (error) {
      this.#options.onError(error);
      return undefined;
    }
  }

  #sweep(): void {
    const { visibilityMs, onError } = this.#options;
    void this.#files
      .releaseAbandoned(visibilityMs)
      .catch(onError)
      .finally(() => this.#nap.abort());
  }

  async #receive(): Promise<void> {
    while (!this.#stopped) {
      this.#nap = new AbortController();
      try {
        await this.#sleep(await this.#takeReady());
      } catch (error) {
        this.#options.onError(error);
        this.#nap = new AbortController();
        await this.#sleep(this.#options.pollMs);
      }
    }
  }

  /** Starts a handler for each message that is due; returns how many milliseconds off the next one is. */
  async #takeReady(): Promise<number> {
    for (const name of await this.#files.ready()) {
      while (this.#running.size >= this.#options.handlers) await Promise.race(this.#running);
      if (this.#stopped) break;
      const wait = parse(name)!.notBefore - Date.now();
      if (wait > 0) return wait;
      if (!this.#claiming.has(name)) this.#start(name);
    }
    return this.#options.pollMs;
  }

  /** Until there is news, or for `ms`. */
  async #sleep(ms: number): Promise<void> {
    const { signal } = this.#nap;
    if (!this.#stopped)
      await sleep(Math.min(ms, this.#options.pollMs), undefined, { signal }).catch(() => {});
  }

  #start(name: string): void {
    const run = this.#take(name).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #take(name: string): Promise<void> {
    this.#claiming.add(name);
    // A message that can't be claimed stays where the next look at the folder finds it.
    const claim = await this.#files
      .claim(name, this.#owner)
      .catch(this.#options.onError)
      .finally(() => this.#claiming.delete(name));
    if (claim) await this.#run(claim);
  }

  async #run(claim: Claim): Promise<void> {
    const { visibilityMs, retryMs, onError } = this.#options;
    const heart = setInterval(() => void this.#files.keep(claim).catch(onError), visibilityMs / 3);
    let body = "";
    try {
      body = await this.#files.read(claim);
      trace(() => `${jobOfMessage(body)} received, try ${claim.receives}`);
      await this.#handle(body, { sentAt: claim.sentAt });
      await this.#files.delete(claim);
      trace(() => `${jobOfMessage(body)} handled`);
    } catch (error) {
      trace(() => `${jobOfMessage(body)} not handled: ${(error as Error).message}`);
      onError(error);
      const notBefore = Date.now() + backoffMs(claim.receives, retryMs, maxRetryMs);
      await this.#files.release(claim, notBefore).catch(onError);
    } finally {
      clearInterval(heart);
    }
  }
}

async function reported<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StoreError(`Expected the message folder to ${what} but received ${(error as Error).message}.`, {
      retryable: true,
      cause: error,
    });
  }
}
