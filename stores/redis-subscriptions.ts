/** Keeps the subscriptions of a cluster's connection over any outage. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "ioredis";

export type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * Makes a cluster's subscriptions anew after all nodes were away at once: ioredis 6.0.0 may then lose some of them.
 * With the slots known from before it looks for their nodes while it knows one node alone, and doesn't look again as
 * long as the slots stay the same: so these are forgotten. It may also wait for ever for a connection that it has
 * itself given up. Whatever is refused even so begins with another connection.
 */
export function keepSubscriptions(cluster: Cluster): void {
  const methods = cluster as unknown as Record<string, Method>;
  const wanted = new Map<string, [subscribe: Method, channel: unknown]>();
  for (const name of ["subscribe", "psubscribe", "ssubscribe"]) {
    const opposite = name.replace("sub", "unsub");
    const [join, leave] = [methods[name]!.bind(cluster), methods[opposite]!.bind(cluster)];
    methods[name] = (...channels) => {
      for (const channel of channels.flat()) wanted.set(`${name} ${channel}`, [join, channel]);
      return join(...channels);
    };
    methods[opposite] = (...channels) => {
      for (const channel of channels.flat()) wanted.delete(`${name} ${channel}`);
      return leave(...channels);
    };
  }
  cluster.on("close", () => {
    const internals = cluster as unknown as {
      slots: unknown[];
      shardedSubscribers: { isResetting: boolean };
    };
    internals.slots = [];
    internals.shardedSubscribers.isResetting = false;
  });
  cluster.on("ready", async () => {
    const outcomes = await Promise.allSettled(
      [...wanted.values()].map(async ([join, channel]) => join(channel)),
    );
    const refused = outcomes.some((outcome) => outcome.status === "rejected");
    if (refused) await sleep(500);
    if (refused && cluster.status === "ready") cluster.disconnect(true);
  });
}
