import { once } from "node:events";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { afterEach, describe, expect, test } from "vitest";
import {
  callRedis,
  closeRedis,
  connectRedis,
  duplicateForPublish,
  duplicateForSubscribe,
  type RedisClient,
  type RedisConnection,
  serverVersion,
} from "./redis.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { opensslMissing, redisMissing, startRedis, startRedisCluster } from "./testing/redis.ts";

const password = "s3cret/@:% word";

describe("an address", () => {
  test.each([
    ["redis://localhost", { nodes: [{ host: "localhost", port: 6379 }], cluster: false, tls: false, db: 0 }],
    [
      "rediss://user:p%40ss@cache.example:6380/3",
      {
        nodes: [{ host: "cache.example", port: 6380 }],
        tls: true,
        db: 3,
        username: "user",
        password: "p@ss",
      },
    ],
    ["redis://:p@ss@host/", { nodes: [{ host: "host", port: 6379 }], password: "p@ss" }],
    [
      "rediss+cluster://a:1,b:2",
      {
        nodes: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
        ],
        cluster: true,
        tls: true,
      },
    ],
    ["redis://[::1]:7000", { nodes: [{ host: "::1", port: 7000 }] }],
  ])("%s is understood", (url, expected) => {
    expect(parseRedisUrl(url)).toMatchObject(expected);
  });

  test.each([
    "http://:topsecret@host",
    "redis://:topsecret@host:99999",
    "redis://:topsecret@a:1,b:2",
    "redis+cluster://:topsecret@a/1",
    "redis://:topsecret@host/x",
    "redis://:topsecret%zz@host",
    "redis://:topsecret@host?db=1",
    "redis://:topsecret@",
    "topsecret",
  ])("%s is refused without repeating it", (url) => {
    const refused = expect(() => parseRedisUrl(url));
    refused.toThrow(
      expect.objectContaining({ code: "bad-option", message: expect.not.stringContaining("topsecret") }),
    );
  });
});

describe.skipIf(redisMissing)(
  redisMissing === undefined ? "a connection" : `a connection (${redisMissing})`,
  () => {
    const cleanUp: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const step of cleanUp.splice(0).reverse()) await step();
    });

    function connect(connection: RedisConnection): RedisClient {
      const client = connectRedis({ timeoutMs: 1_000, ...connection });
      cleanUp.push(() => closeRedis(client));
      return client;
    }

    async function start(...options: Parameters<typeof startRedis>) {
      const server = await startRedis(...options);
      cleanUp.push(async () => server[Symbol.asyncDispose]());
      return server;
    }

    test("works with a password, and tells the server's version", async () => {
      const server = await start({ password });
      const client = connect({ url: server.url });
      await callRedis(client, () => client.set("a", "1"));
      expect(await callRedis(client, () => client.get("a"))).toBe("1");
      const [major] = await serverVersion(client);
      expect(major).toBeGreaterThanOrEqual(5);
      const apart = connect({ url: server.url.replace(/:[^/]*@/, ""), password });
      expect(await callRedis(apart, () => apart.get("a"))).toBe("1");
    });

    test("shows no password when it is refused, not in the cause either", async () => {
      const server = await start({ password: "another" });
      const told: Error[] = [];
      const client = connect({ url: server.url, password, onError: (error) => told.push(error) });
      const failure = await callRedis(client, () => client.ping()).catch((error: Error) => error);
      expect(failure).toMatchObject({
        name: "StoreError",
        message: expect.stringMatching(/WRONGPASS|NOAUTH|invalid/),
      });
      for (const error of [failure as Error, (failure as Error).cause as Error, ...told]) {
        const all = `${error.stack} ${JSON.stringify({ ...error, message: error.message })}`;
        expect(all).not.toContain(password);
        expect(error).not.toHaveProperty("command");
      }
      expect(told).not.toHaveLength(0);
    });

    test.skipIf(opensslMissing)(
      "works with TLS, and not with a certificate that it has no reason to trust",
      async () => {
        const server = await start({ password, tls: true });
        const client = connect({ url: server.url, ca: server.ca });
        expect(await callRedis(client, () => client.ping())).toBe("PONG");
        const stranger = connect({ url: server.url });
        const refusal = { name: "StoreError", message: expect.stringContaining("certificate") };
        await expect(callRedis(stranger, () => stranger.ping())).rejects.toMatchObject(refusal);
      },
    );

    test.skipIf(opensslMissing)(
      "can be closed amid the handshake with a server that it doesn't trust",
      async () => {
        const server = await start({ password, tls: true });
        // About every other time, Node reports a second error then, after the certificate's. With nobody listening it
        // would end the process.
        for (let i = 0; i < 20; i++) {
          const stranger = connect({ url: server.url }) as Redis;
          await once(stranger, "connecting");
          await setImmediate();
          const closed = new Promise((resolve) => stranger.stream.once("close", resolve));
          await closeRedis(stranger);
          await closed;
        }
      },
    );

    test("fails within seconds while Redis is down, and works again, with its data, once it is back", async () => {
      const server = await start();
      const client = connect({ url: server.url });
      await callRedis(client, () => client.set("kept", "1"));
      await server.kill();
      const calls = Array.from({ length: 20 }, (_, i) =>
        callRedis(client, () => client.set("late", String(i))),
      );
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({
          status: "rejected",
          reason: { name: "StoreError", retryable: true },
        });
      }
      await server.restart();
      await expect
        .poll(() => callRedis(client, () => client.get("kept")).catch(() => "away"), { timeout: 20_000 })
        .toBe("1");
      // What failed is not done behind its caller's back.
      expect(await callRedis(client, () => client.get("late"))).toBeNull();
    });

    test("carries calls over a short loss", async () => {
      const server = await start();
      const client = connect({ url: server.url, timeoutMs: 10_000 });
      await callRedis(client, () => client.ping());
      const calls = Array.from({ length: 20 }, (_, i) => callRedis(client, () => client.sadd("set", i)));
      await server.kill();
      const more = Array.from({ length: 20 }, (_, i) => callRedis(client, () => client.sadd("set", 20 + i)));
      await server.restart();
      await Promise.all([...calls, ...more]);
      expect(await callRedis(client, () => client.scard("set"))).toBe(40);
    });

    test("fails while Redis is silent", async () => {
      const server = await start();
      const client = connect({ url: server.url });
      await callRedis(client, () => client.ping());
      server.freeze();
      const failure = { name: "StoreError", retryable: true };
      await expect(callRedis(client, () => client.ping())).rejects.toMatchObject(failure);
      server.thaw();
      await expect
        .poll(() => callRedis(client, () => client.ping()).catch(() => "away"), { timeout: 20_000 })
        .toBe("PONG");
    });

    test("a wrong command is not worth another try", async () => {
      const client = connect({ url: (await start()).url });
      await callRedis(client, () => client.set("a", "1"));
      await expect(callRedis(client, () => client.zadd("a", 1, "b"))).rejects.toMatchObject({
        retryable: false,
      });
    });

    test("subscriptions outlive the connection, and publishing never rejects", async () => {
      const server = await start();
      const told: Error[] = [];
      const client = connect({ url: server.url, onError: (error) => told.push(error) });
      const [subscriber, publisher] = [duplicateForSubscribe(client), duplicateForPublish(client)];
      cleanUp.push(
        () => closeRedis(subscriber),
        () => closeRedis(publisher),
      );
      const heard: string[] = [];
      subscriber.on("message", (_, message) => heard.push(message));
      await subscriber.subscribe("news");
      await server.kill();
      expect(await publisher.publish("news", "lost")).toBe(0);
      expect(told).not.toHaveLength(0);
      await server.restart();
      await expect
        .poll(() => publisher.publish("news", "heard").then(() => heard), { timeout: 20_000 })
        .toContain("heard");
      expect(heard).not.toContain("lost");
      await callRedis(client, () => client.call("CLIENT", "KILL", "TYPE", "pubsub"));
      await expect
        .poll(() => publisher.publish("news", "again").then(() => heard), { timeout: 20_000 })
        .toContain("again");
    });

    test("a subscription notices that Redis has fallen silent, and is there when it speaks again", async () => {
      const server = await start();
      const client = connect({ url: server.url, timeoutMs: 200 });
      const [subscriber, publisher] = [duplicateForSubscribe(client), duplicateForPublish(client)];
      cleanUp.push(
        () => closeRedis(subscriber),
        () => closeRedis(publisher),
      );
      const heard: string[] = [];
      subscriber.on("message", (_, message) => heard.push(message));
      await subscriber.subscribe("news");
      const lost = new Promise((resolve) => subscriber.once("close", resolve));
      server.freeze();
      await lost;
      server.thaw();
      await expect
        .poll(() => publisher.publish("news", "again").then(() => heard), { timeout: 20_000 })
        .toContain("again");
    });

    test("a cluster with a password takes sharded subscriptions, and survives the loss of a node", async () => {
      const cluster = await startRedisCluster({ password });
      cleanUp.push(async () => cluster[Symbol.asyncDispose]());
      const client = connect({ url: cluster.url });
      const keys = Array.from({ length: 30 }, (_, i) => `key${i}`);
      await Promise.all(keys.map((key) => callRedis(client, () => client.set(key, key))));
      const read = () =>
        Promise.all(keys.map((key) => callRedis(client, () => client.get(key)).catch(() => "away")));
      expect(await read()).toEqual(keys);

      const [major] = await serverVersion(client);
      const [subscriber, publisher] = [duplicateForSubscribe(client), duplicateForPublish(client)];
      cleanUp.push(
        () => closeRedis(subscriber),
        () => closeRedis(publisher),
      );
      const heard = new Set<string>();
      subscriber.on("smessage", (channel) => heard.add(channel));
      const publish = async () => {
        for (const key of keys) await publisher.spublish(key, "now");
        return [...heard].sort();
      };
      // Sharded channels came with Redis 7.
      const expected = major >= 7 ? [...keys].sort() : [];
      if (major >= 7) for (const key of keys) await subscriber.ssubscribe(key);
      await expect.poll(publish, { timeout: 20_000 }).toEqual(expected);

      for (const lost of [cluster.nodes.slice(1, 2), cluster.nodes]) {
        heard.clear();
        await Promise.all(lost.map((node) => node.kill()));
        await sleep(100);
        expect(await read()).toContain("away");
        await Promise.all(lost.map((node) => node.restart()));
        await expect.poll(read, { timeout: 60_000 }).toEqual(keys);
        await expect.poll(publish, { timeout: 60_000 }).toEqual(expected);
      }
    });
  },
);
