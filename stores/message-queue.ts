/** How news of workers reach gateways: files on one machine, SQS in the cloud. */
import { tracer } from "../common/trace.ts";
import { StoreError } from "./object-store.ts";

/** Bytes of UTF-8 that one message may have. */
export const maxMessageBytes = 200_000;
/** How often a message is tried before it is put aside; the SQS queue's redrive policy says the same. */
export const maxReceives = 5;

export interface Publisher {
  /** Publishes `body`, JSON of at most `maxMessageBytes`. Throws StoreError. */
  publish(body: string): Promise<void>;
}

/**
 * At least once, in no order. A message whose handler throws, or whose receiver dies, comes again; after `maxReceives`
 * times it is put aside (the dead-letter queue).
 */
export interface MessageQueue extends Publisher {
  /** Calls `handle` for each message, several at a time, until `stop`; one is deleted once its handler has resolved. */
  receive(handle: (body: string, info: { readonly sentAt: number }) => Promise<void>): Receiver;
  /** Messages that wait; undefined where that can't be told. */
  depth(): Promise<number | undefined>;
  check(): Promise<void>;
}

export interface Receiver {
  /** Takes no more messages; resolves once those at hand are done. */
  stop(): Promise<void>;
}

/** The id of the job that a message is of, for traces. */
export function jobOfMessage(body: string): string {
  return /::([0-9a-f]{32})"/.exec(body)?.[1] ?? "-";
}

/** Of both queues. */
export const traceMessages = tracer("stores:messages");

/** Throws a StoreError, not retryable, for a body that is too long to publish. */
export function checkMessageSize(body: string): void {
  const bytes = Buffer.byteLength(body);
  if (bytes <= maxMessageBytes) return;
  throw new StoreError(`Expected a message of at most ${maxMessageBytes} bytes but received ${bytes}.`);
}

/**
 * Milliseconds until try number `tries + 1`: doubles from `baseMs` to at most `maxMs`, and is random in its upper half,
 * so that many that failed together don't come back together.
 */
export function backoffMs(tries: number, baseMs: number, maxMs: number): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.max(0, tries - 1));
  return full / 2 + (Math.random() * full) / 2;
}
