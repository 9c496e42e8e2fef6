/** Work that is done again and again, and work that is not done too often. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Receiver } from "../stores/message-queue.ts";

/** Does `work`, and gives what came of it, good or bad, to all who ask within the next `ms`, too. */
export function everySoOften<A extends unknown[], T>(ms: number, work: (...args: A) => Promise<T>) {
  let last: { readonly at: number; readonly outcome: Promise<T> } | undefined;
  return (...args: A): Promise<T> => {
    if (last === undefined || Date.now() - last.at >= ms) last = { at: Date.now(), outcome: work(...args) };
    return last.outcome;
  };
}

/** Does `work` again and again, with a pause between. */
export function every(ms: number, work: () => Promise<void>, onError: (error: unknown) => void): Receiver {
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
