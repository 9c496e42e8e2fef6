/**
 * A message queue in SQS: a standard queue whose redrive policy puts a message aside after `maxReceives` tries.
 *
 * Needs sqs:SendMessage to publish; sqs:ReceiveMessage, DeleteMessage and ChangeMessageVisibility to receive;
 * sqs:GetQueueAttributes for `depth` and `check`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { type AwsOptions, call, clientConfig, defaultCallSeconds } from "./aws-call.ts";
import {
  backoffMs,
  checkMessageSize,
  jobOfMessage,
  type MessageQueue,
  type Receiver,
  traceMessages as trace,
} from "./message-queue.ts";
import { StoreError } from "./object-store.ts";

export interface SqsMessageQueueOptions extends AwsOptions {
  readonly queueUrl: string;
  /** Requests for messages at a time by one receiver; each brings up to ten. */
  readonly pollers?: number;
  /** Messages handled at a time, for each poller. */
  readonly handlers?: number;
  /** A message is another receiver's after so long without a sign of life from its handler's. */
  readonly visibilitySeconds?: number;
  /** How long the first retry waits, to the nearest second; each further one twice as long. */
  readonly retryMs?: number;
  /** Is told what handlers throw, and failures of SQS. */
  readonly onError?: (error: unknown) => void;
}

type Options = Required<Omit<SqsMessageQueueOptions, keyof AwsOptions>> & { readonly callSeconds: number };
type Handle = Parameters<MessageQueue["receive"]>[0];

const pollSeconds = 20;
const batchSize = 10;
const maxRetryMs = 60_000;
/** How long deletes wait for others. */
const gatherMs = 20;

export class SqsMessageQueue implements MessageQueue {
  readonly #client: SQSClient;
  readonly #options: Options;

  constructor(options: SqsMessageQueueOptions) {
    this.#client = new SQSClient(clientConfig(options, 3));
    this.#options = {
      queueUrl: options.queueUrl,
      pollers: options.pollers ?? 1,
      handlers: options.handlers ?? 50,
      visibilitySeconds: options.visibilitySeconds ?? 30,
      retryMs: options.retryMs ?? 1_000,
      onError: options.onError ?? (() => {}),
      callSeconds: options.callSeconds ?? defaultCallSeconds,
    };
  }

  async publish(body: string): Promise<void> {
    checkMessageSize(body);
    const command = new SendMessageCommand({ QueueUrl: this.#options.queueUrl, MessageBody: body });
    await call("SQS to take a message", this.#options.callSeconds, (options) =>
      this.#client.send(command, options),
    );
    trace(() => `${jobOfMessage(body)} published`);
  }

  receive(handle: Handle): Receiver {
    const { pollers } = this.#options;
    const all = Array.from({ length: pollers }, () => new Poller(this.#client, handle, this.#options));
    return { stop: async () => void (await Promise.all(all.map((poller) => poller.stop()))) };
  }

  async depth(): Promise<number | undefined> {
    const command = new GetQueueAttributesCommand({
      QueueUrl: this.#options.queueUrl,
      AttributeNames: ["ApproximateNumberOfMessages"],
    });
    const answer = await call("SQS to count its messages", this.#options.callSeconds, (options) =>
      this.#client.send(command, options),
    );
    const count = answer.Attributes?.ApproximateNumberOfMessages;
    return count === undefined ? undefined : Number(count);
  }

  async check(): Promise<void> {
    await this.depth();
  }
}

class Poller implements Receiver {
  readonly #client: SQSClient;
  readonly #handle: Handle;
  readonly #options: Options;
  readonly #deletes: Deletes;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #loop: Promise<void>;

  constructor(client: SQSClient, handle: Handle, options: Options) {
    this.#client = client;
    this.#handle = handle;
    this.#options = options;
    this.#deletes = new Deletes(client, options.queueUrl, options.callSeconds);
    this.#loop = this.#poll();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      while (this.#running.size >= this.#options.handlers) await Promise.race(this.#running);
      if (signal.aborted) return;
      try {
        for (const message of await this.#receive()) this.#start(message);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onError(error);
        failures++;
        await sleep(backoffMs(failures, 500, 20_000), undefined, { signal }).catch(() => {});
      }
    }
  }

  /**
   * A request that `stop` aborts may have been answered already: those messages come again after the visibility
   * timeout.
   */
  async #receive(): Promise<readonly Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#options.queueUrl,
      MaxNumberOfMessages: Math.min(batchSize, this.#options.handlers - this.#running.size),
      WaitTimeSeconds: pollSeconds,
      VisibilityTimeout: this.#options.visibilitySeconds,
      MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
    });
    const answer = await call(
      "SQS to give messages",
      pollSeconds + this.#options.callSeconds,
      (options) => this.#client.send(command, options),
      this.#stop.signal,
    );
    return answer.Messages ?? [];
  }

  #start(message: Message): void {
    const run = this.#run(message).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #run(message: Message): Promise<void> {
    const { visibilitySeconds, retryMs, onError } = this.#options;
    const keep = () => void this.#hide(message, visibilitySeconds).catch(onError);
    const heart = setInterval(keep, (visibilitySeconds * 1000) / 3);
    const { Body: body = "", Attributes: attributes } = message;
    const tries = Number(attributes?.ApproximateReceiveCount ?? 1);
    trace(() => `${jobOfMessage(body)} received, try ${tries}`);
    try {
      await this.#handle(body, { sentAt: Number(attributes?.SentTimestamp) });
      await this.#deletes.add(message.ReceiptHandle!);
      trace(() => `${jobOfMessage(body)} handled`);
    } catch (error) {
      trace(() => `${jobOfMessage(body)} not handled: ${(error as Error).message}`);
      onError(error);
      clearInterval(heart);
      const seconds = Math.round(backoffMs(tries, retryMs, maxRetryMs) / 1000);
      await this.#hide(message, seconds).catch(onError);
    } finally {
      clearInterval(heart);
    }
  }

  /** Makes the message visible to others after so many seconds, and not before. */
  async #hide(message: Message, seconds: number): Promise<void> {
    const command = new ChangeMessageVisibilityCommand({
      QueueUrl: this.#options.queueUrl,
      ReceiptHandle: message.ReceiptHandle,
      VisibilityTimeout: seconds,
    });
    await call("SQS to hide a message for a while", this.#options.callSeconds, (options) =>
      this.#client.send(command, options),
    );
  }
}

interface Delete {
  readonly receipt: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Deletes of messages, joined into requests of up to ten: they are a good part of what a queue costs. */
class Deletes {
  readonly #client: SQSClient;
  readonly #queueUrl: string;
  readonly #callSeconds: number;
  #gathered: Delete[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(client: SQSClient, queueUrl: string, callSeconds: number) {
    this.#client = client;
    this.#queueUrl = queueUrl;
    this.#callSeconds = callSeconds;
  }

  /** Resolves once SQS has said that this very message is deleted. */
  add(receipt: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#gathered.push({ receipt, resolve, reject });
      if (this.#gathered.length >= batchSize) void this.#flush();
      else this.#timer ??= setTimeout(() => void this.#flush(), gatherMs);
    });
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const deletes = this.#gathered;
    this.#gathered = [];
    const Entries = deletes.map(({ receipt }, i) => ({ Id: String(i), ReceiptHandle: receipt }));
    const command = new DeleteMessageBatchCommand({ QueueUrl: this.#queueUrl, Entries });
    try {
      const answer = await call("SQS to delete messages", this.#callSeconds, (options) =>
        this.#client.send(command, options),
      );
      for (const { Id, Code, Message, SenderFault } of answer.Failed ?? []) {
        const message = `Expected SQS to delete a message but received ${Code}: ${Message}`;
        deletes[Number(Id)]?.reject(new StoreError(message, { retryable: SenderFault !== true }));
      }
      for (const each of deletes) each.resolve();
    } catch (error) {
      for (const each of deletes) each.reject(error);
    }
  }
}
