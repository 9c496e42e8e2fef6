/** What gateways share through Redis: that they get in. */
import { expect, it } from "vitest";
import { redisMissing, startRedis } from "../stores/testing/redis.ts";
import { openRedis } from "./redis.ts";

it.skipIf(redisMissing)("takes the password of a setting of its own, and tells it to nobody", async () => {
  await using server = await startRedis({ password: "a password, with @ and :" });
  const address = new URL(server.url);
  address.password = "";
  address.username = "";
  const options = { url: address.href, retentionSeconds: 60, onError: () => {} };
  const shared = await openRedis({ ...options, password: "a password, with @ and :" });
  await shared.jobs.check();
  await shared.close();
  await expect(openRedis(options)).rejects.toThrow(/NOAUTH/);
  await expect(openRedis({ ...options, password: "another" })).rejects.toThrow(/^((?!another).)*$/s);
});
