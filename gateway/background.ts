/** What a gateway does beside answering: it receives news, and looks for jobs of which the news were lost. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { settled } from "../common/disposal.ts";
import type { MessageQueue, Receiver } from "../stores/message-queue.ts";
import type { Delivery } from "./delivery.ts";
import type { Metrics } from "./metrics.ts";
import { handleNewsPatiently } from "./news.ts";
import { createReconciler, type ReconcilerParts, type Round } from "./reconciler.ts";

const LOG_MS = 60_000;

/** Milliseconds between rounds. */
export interface Pace {
  readonly sweepMs?: number;
  readonly reconcileMs?: number;
  /** As the reconciler's. */
  readonly graceMs?: number;
}

export interface BackgroundParts extends ReconcilerParts {
  readonly messages: MessageQueue;
  readonly delivery: Delivery;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Clients that are connected. */
  readonly connections: () => number;
  readonly pace: Pace;
  readonly onError: (error: unknown, where: string) => void;
}

/** Begins with all of it. The end takes nothing new, and waits for what is at hand. */
export function startBackground(parts: BackgroundParts): AsyncDisposable {
  const { messages, service, delivery, metrics, pace, onError } = parts;
  const failed = (where: string) => (error: unknown) => onError(error, where);
  const sweeps = every(pace.sweepMs ?? 5000, () => delivery.sweep(), failed("delivery"));
  const rounds = every(pace.reconcileMs ?? 15_000, reconciliation(parts), failed("reconciler"));
  const ending = new AbortController(); // then a message that waits for a store is another gateway's
  const receiver = messages.receive(async (body, { sentAt }) => {
    await handleNewsPatiently(body, { service, signal: ending.signal, onError: failed("news") });
    metrics.news(sentAt);
  });
  return {
    async [Symbol.asyncDispose]() {
      const stopped = receiver.stop(); // before what is at hand may give up: else it would be taken again
      ending.abort();
      await settled([stopped, rounds.stop(), sweeps.stop()], failed("closing"));
    },
  };
}

function reconciliation(parts: BackgroundParts): () => Promise<void> {
  const { pace, log, metrics, connections } = parts;
  const reconcile = createReconciler(parts, pace.graceMs);
  const logRound = everySoOften(LOG_MS, async ({ oldestQueuedMs, ...active }: Round) => {
    const oldestQueuedSeconds = Math.round(oldestQueuedMs / 1000);
    log.info({ ...active, oldestQueuedSeconds, connections: connections() }, "jobs");
  });
  return async () => {
    const round = await reconcile();
    metrics.round(round);
    await logRound(round);
  };
}

/** Does `work`, and gives what came of it, good or bad, to all who ask within the next `ms`, too. */
export function everySoOften<A extends unknown[], T>(ms: number, work: (...args: A) => Promise<T>) {
  let last: { readonly at: number; readonly outcome: Promise<T> } | undefined;
  return (...args: A): Promise<T> => {
    if (last === undefined || Date.now() - last.at >= ms) last = { at: Date.now(), outcome: work(...args) };
    return last.outcome;
  };
}

/** Does `work` again and again, with a pause between. */
function every(ms: number, work: () => Promise<void>, onError: (error: unknown) => void): Receiver {
  const stopping = new AbortController();
  const { signal } = stopping;
  const loop = async () => {
    while (!signal.aborted) {
      const pause = ms * (0.75 + Math.random() / 2); // gateways don't march in step
      await sleep(pause, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await work().catch(onError);
    }
  };
  const done = loop();
  return {
    stop() {
      stopping.abort();
      return done;
    },
  };
}
