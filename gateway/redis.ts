/** What gateways share through Redis: records, limits, and each other's news. */
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import {
  closeRedis,
  connectRedis,
  duplicateForPublish,
  duplicateForSubscribe,
  serverVersion,
} from "../stores/redis.ts";
import { RedisJobStore } from "../stores/redis-job-store.ts";

export interface RedisParts {
  readonly url: string;
  /** Instead of the one in the address. */
  readonly password?: string | undefined;
  readonly retentionSeconds: number;
  readonly onError: (error: unknown) => void;
}

/** Connects. Throws StoreError where there is no Redis at that address. */
export async function openRedis({ url, password, retentionSeconds, onError }: RedisParts) {
  const connection = connectRedis({ url, password, onError });
  try {
    const [major] = await serverVersion(connection);
    const [publisher, subscriber] = [duplicateForPublish(connection), duplicateForSubscribe(connection)];
    return {
      connection,
      jobs: new RedisJobStore(connection, { retentionSeconds, onBehind: onError }),
      // Since version 7 messages go to the nodes that have subscribers and no others.
      adapter:
        major >= 7 ? createShardedAdapter(publisher, subscriber) : createAdapter(publisher, subscriber),
      /** Ends all connections, after what is under way. */
      async close() {
        publisher.disconnect();
        subscriber.disconnect();
        await closeRedis(connection);
      },
    };
  } catch (error) {
    connection.disconnect();
    throw error;
  }
}
