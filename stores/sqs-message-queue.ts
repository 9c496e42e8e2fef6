/**
 * A message queue in SQS: a standard queue whose redrive policy puts a message aside after `maxReceives` tries.
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
import { type AwsOptions, type Call, call, clientConfig, defaultCallSeconds } from "./aws-call.ts";
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
  /** Messages handled at a time by one receiver. */
  readonly handlers?: number;
  /** A message is another receiver's after so long without a sign of life from its handler's. */
  readonly visibilitySeconds?: number;
  /** How long the first retry waits, to the nearest second; each further one twice as long. */
  readonly retryMs?: number;
  /** Is told what handlers throw, and failures of SQS. */
  readonly onError?: (error: unknown) => void;
}

interface Options extends Required<Omit<SqsMessageQueueOptions, keyof AwsOptions>> {
  readonly client: SQSClient;
  readonly callSeconds: number;
}

type Handle = Parameters<MessageQueue["receive"]>[0];

const pollSeconds = 20;
const batchSize = 10;
const maxRetryMs = 60_000;
/** How long deletes wait for others. */
const gatherMs = 20;

export class SqsMessageQueue implements MessageQueue {
  readonly #options: Options;

  constructor(options: SqsMessageQueueOptions) {
    this.#options = {
      client: new SQSClient(clientConfig(options, 3)),
      handlers: 50,
      visibilitySeconds: 30,
      retryMs: 1_000,
      onError: () => {},
      ...options,
      callSeconds: options.callSeconds ?? defaultCallSeconds,
    };
  }

  async publish(body: string): Promise<void> {
    checkMessageSize(body);
    const { client, queueUrl, callSeconds } = this.#options;
    const command = new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body });
    await call("SQS to take a message", callSeconds, (options) => client.send(command, options));
    trace(() => `${jobOfMessage(body)} published`);
  }

  receive(handle: Handle): Receiver {
    return new Poller(handle, this.#options);
  }

  async depth(): Promise<number | undefined> {
    const { client, queueUrl, callSeconds } = this.#options;
    const name = "ApproximateNumberOfMessages";
    const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [name] });
    const send = (options: Call) => client.send(command, options);
    const count = (await call("SQS to count its messages", callSeconds, send)).Attributes?.[name];
    return count === undefined ? undefined : Number(count);
  }

  async check(): Promise<void> {
    await this.depth();
  }
}

class Poller implements Receiver {
  readonly #handle: Handle;
  readonly #options: Options;
  readonly #deletes: Deletes;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #loop: Promise<void>;

  constructor(handle: Handle, options: Options) {
    this.#handle = handle;
    this.#options = options;
    this.#deletes = new Deletes(options);
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

  /** A request that `stop` aborts may have been answered: its messages come again after the visibility timeout. */
  async #receive(): Promise<readonly Message[]> {
    const { client, queueUrl, callSeconds, handlers, visibilitySeconds } = this.#options;
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: Math.min(batchSize, handlers - this.#running.size),
      WaitTimeSeconds: pollSeconds,
      VisibilityTimeout: visibilitySeconds,
      MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
    });
    const send = (options: Call) => client.send(command, options);
    const answer = await call("SQS to give messages", pollSeconds + callSeconds, send, this.#stop.signal);
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
    const { client, queueUrl, callSeconds } = this.#options;
    const command = new ChangeMessageVisibilityCommand({
      QueueUrl: queueUrl,
      ReceiptHandle: message.ReceiptHandle,
      VisibilityTimeout: seconds,
    });
    const send = (options: Call) => client.send(command, options);
    await call("SQS to hide a message for a while", callSeconds, send);
  }
}

interface Delete {
  readonly receipt: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Deletes of messages, joined into requests of up to ten: they are a good part of what a queue costs. */
class Deletes {
  readonly #options: Options;
  #gathered: Delete[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: Options) {
    this.#options = options;
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
    const { client, queueUrl, callSeconds } = this.#options;
    const Entries = deletes.map(({ receipt }, i) => ({ Id: String(i), ReceiptHandle: receipt }));
    const command = new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries });
    try {
      const send = (options: Call) => client.send(command, options);
      const answer = await call("SQS to delete messages", callSeconds, send);
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
