/** Work that is done again and again, and work that is not done too often. */
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
  let isStopped = false;
  let wake = () => {};
  const loop = async () => {
    while (!isStopped) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms * (0.75 + Math.random() / 2)); // gateways don't march in step
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (!isStopped) await work().catch(onError);
    }
  };
  const done = loop();
  return {
    async stop() {
      isStopped = true;
      wake();
      await done;
    },
  };
}
