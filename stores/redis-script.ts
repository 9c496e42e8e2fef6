/** Lua that Redis carries out as one step. */
import { createHash } from "node:crypto";
import { callRedis, type RedisClient } from "./redis.ts";

/** A script on one key, which on a cluster decides where it runs. */
export class RedisScript {
  readonly #lua: string;
  readonly #sha: string;

  constructor(lua: string) {
    this.#lua = lua;
    this.#sha = createHash("sha1").update(lua).digest("hex");
  }

  /**
   * By its hash, or with its text where Redis doesn't know it (any more). It may run twice, see `callRedis`. Throws
   * StoreError.
   */
  run(client: RedisClient, key: string, args: readonly (string | number)[]): Promise<unknown> {
    return callRedis(client, async () => {
      try {
        return await client.evalsha(this.#sha, 1, key, ...args);
      } catch (error) {
        if (!(error as Error).message.startsWith("NOSCRIPT")) throw error;
        return client.eval(this.#lua, 1, key, ...args);
      }
    });
  }
}
