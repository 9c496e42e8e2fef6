/** Deletes of SQS messages, joined into requests of up to ten: they are a good part of what a queue costs. */
import { DeleteMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { call } from "./aws-call.ts";
import { StoreError } from "./object-store.ts";

interface Delete {
  readonly receipt: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const batchSize = 10;
const gatherMs = 20;

export class SqsDeletes {
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
