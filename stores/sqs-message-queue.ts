/**
 * A message queue in SQS: a standard queue whose redrive policy puts a message aside after `maxReceives` tries.
 *
 * Needs sqs:SendMessage to publish; sqs:ReceiveMessage, DeleteMessage and ChangeMessageVisibility to receive;
 * sqs:GetQueueAttributes for `depth` and `check`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  ChangeMessageVisibilityCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { type AwsOptions, call, clientConfig, defaultCallSeconds } from "./aws-call.ts";
import { backoffMs, checkMessageSize, type MessageQueue, type Receiver } from "./message-queue.ts";
import { SqsDeletes } from "./sqs-deletes.ts";

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

type Settings = Required<Omit<SqsMessageQueueOptions, keyof AwsOptions>> & { readonly callSeconds: number };
type Handle = Parameters<MessageQueue["receive"]>[0];

const pollSeconds = 20;
const batchSize = 10;
const maxRetryMs = 60_000;

export class SqsMessageQueue implements MessageQueue {
  readonly #client: SQSClient;
  readonly #settings: Settings;

  constructor(options: SqsMessageQueueOptions) {
    this.#client = new SQSClient(clientConfig(options, 3));
    this.#settings = {
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
    const command = new SendMessageCommand({ QueueUrl: this.#settings.queueUrl, MessageBody: body });
    await call("SQS to take a message", this.#settings.callSeconds, (options) =>
      this.#client.send(command, options),
    );
  }

  receive(handle: Handle): Receiver {
    const { pollers } = this.#settings;
    const all = Array.from({ length: pollers }, () => new Poller(this.#client, handle, this.#settings));
    return { stop: async () => void (await Promise.all(all.map((poller) => poller.stop()))) };
  }

  async depth(): Promise<number | undefined> {
    const command = new GetQueueAttributesCommand({
      QueueUrl: this.#settings.queueUrl,
      AttributeNames: ["ApproximateNumberOfMessages"],
    });
    const answer = await call("SQS to count its messages", this.#settings.callSeconds, (options) =>
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
  readonly #settings: Settings;
  readonly #deletes: SqsDeletes;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #loop: Promise<void>;

  constructor(client: SQSClient, handle: Handle, settings: Settings) {
    this.#client = client;
    this.#handle = handle;
    this.#settings = settings;
    this.#deletes = new SqsDeletes(client, settings.queueUrl, settings.callSeconds);
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
      while (this.#running.size >= this.#settings.handlers) await Promise.race(this.#running);
      if (signal.aborted) return;
      try {
        for (const message of await this.#receive()) this.#start(message);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#settings.onError(error);
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
      QueueUrl: this.#settings.queueUrl,
      MaxNumberOfMessages: Math.min(batchSize, this.#settings.handlers - this.#running.size),
      WaitTimeSeconds: pollSeconds,
      VisibilityTimeout: this.#settings.visibilitySeconds,
      MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
    });
    const answer = await call(
      "SQS to give messages",
      pollSeconds + this.#settings.callSeconds,
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
    const { visibilitySeconds, retryMs, onError } = this.#settings;
    const keep = () => void this.#hide(message, visibilitySeconds).catch(onError);
    const heart = setInterval(keep, (visibilitySeconds * 1000) / 3);
    try {
      await this.#handle(message.Body ?? "", { sentAt: Number(message.Attributes?.SentTimestamp) });
      await this.#deletes.add(message.ReceiptHandle!);
    } catch (error) {
      onError(error);
      clearInterval(heart);
      const tries = Number(message.Attributes?.ApproximateReceiveCount ?? 1);
      const seconds = Math.round(backoffMs(tries, retryMs, maxRetryMs) / 1000);
      await this.#hide(message, seconds).catch(onError);
    } finally {
      clearInterval(heart);
    }
  }

  /** Makes the message visible to others after so many seconds, and not before. */
  async #hide(message: Message, seconds: number): Promise<void> {
    const command = new ChangeMessageVisibilityCommand({
      QueueUrl: this.#settings.queueUrl,
      ReceiptHandle: message.ReceiptHandle,
      VisibilityTimeout: seconds,
    });
    await call("SQS to hide a message for a while", this.#settings.callSeconds, (options) =>
      this.#client.send(command, options),
    );
  }
}
