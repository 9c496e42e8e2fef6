/** What a gateway does beside answering: it receives news, and looks for jobs of which the news were lost. */
import type { Logger } from "pino";
import { settled } from "../common/disposal.ts";
import type { MessageQueue, Receiver } from "../stores/message-queue.ts";
import type { Delivery } from "./delivery.ts";
import type { Metrics } from "./metrics.ts";
import { handleNewsPatiently } from "./news.ts";
import { Reconciler, type ReconcilerParts, type Round } from "./reconciler.ts";
import { every, everySoOften } from "./timing.ts";

const LOG_MS = 60_000;

/** Milliseconds between rounds. */
export interface Pace {
  readonly sweepMs?: number;
  readonly reconcileMs?: number;
  /** As ReconcilerParts'. */
  readonly graceMs?: number;
}

export interface BackgroundParts extends Omit<ReconcilerParts, "graceMs"> {
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
  const { delivery, pace, onError } = parts;
  const ending = new AbortController();
  const sweeps = every(
    pace.sweepMs ?? 5000,
    () => delivery.sweep(),
    (error) => onError(error, "delivery"),
  );
  const receiver = receiveNews(parts, ending.signal);
  const rounds = reconcile(parts);
  return {
    async [Symbol.asyncDispose]() {
      const stopped = receiver.stop(); // before what is at hand may give up: else it would be taken again
      ending.abort();
      await settled([stopped, rounds.stop(), sweeps.stop()], (error) => onError(error, "closing"));
    },
  };
}

/** After `signal`, a message that waits for a store is another gateway's. */
function receiveNews(
  { messages, service, metrics, onError }: BackgroundParts,
  signal: AbortSignal,
): Receiver {
  const options = { signal, onError: (error: unknown) => onError(error, "news") };
  return messages.receive(async (body, { sentAt }) => {
    await handleNewsPatiently(body, service, options);
    metrics.news(sentAt);
  });
}

function reconcile(parts: BackgroundParts): Receiver {
  const { pace, log, metrics, connections, onError } = parts;
  const { graceMs } = pace;
  const reconciler = new Reconciler({ ...parts, ...(graceMs === undefined ? {} : { graceMs }) });
  const logRound = everySoOften(LOG_MS, async ({ oldestQueuedMs, ...active }: Round) => {
    const oldestQueuedSeconds = Math.round(oldestQueuedMs / 1000);
    log.info({ ...active, oldestQueuedSeconds, connections: connections() }, "jobs");
  });
  return every(
    pace.reconcileMs ?? 15_000,
    async () => {
      const round = await reconciler.run();
      metrics.round(round);
      await logRound(round);
    },
    (error) => onError(error, "reconciler"),
  );
}
