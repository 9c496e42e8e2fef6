/**
 * Connections to Redis: standalone or cluster, with TLS and AUTH.
 *
 * A command that can't be sent at once is never left in a queue of the driver, from which it would be carried out
 * minutes after its caller was told that it failed. Instead `callRedis` waits for the connection, and repeats what was
 * cut off, until its time is up. So what it is given must do no harm when it is carried out twice.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { StoreError } from "./object-store.ts";
import { parseRedisUrl } from "./redis-url.ts";

export type RedisClient = Redis | Cluster;

export interface RedisConnection {
  /** See `parseRedisUrl`. */
  readonly url: string;
  /** The address is one node of a cluster. */
  readonly cluster?: boolean | undefined;
  /** Where they aren't in the address. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Certificate of the authority to trust, PEM; the system's own otherwise. */
  readonly ca?: string | undefined;
  /** After how many milliseconds a call fails; 2,000. */
  readonly timeoutMs?: number | undefined;
  /** Told of each error of the connection, without passwords; it comes back by itself. */
  readonly onError?: ((error: Error) => void) | undefined;
}

type Method = (...args: unknown[]) => Promise<unknown>;

interface Link {
  readonly timeoutMs: number;
  readonly secrets: readonly string[];
  readonly onError: (error: Error) => void;
  lastError?: Error | undefined;
}

const links = new WeakMap<RedisClient, Link>();

/** Begins to connect; `callRedis` waits for it. Throws StylizeError "bad-option" for an address that can't be read. */
export function connectRedis(connection: RedisConnection): RedisClient {
  const address = parseRedisUrl(connection.url);
  const { timeoutMs = 2_000, onError = () => {} } = connection;
  const username = connection.username ?? address.username;
  const password = connection.password ?? address.password;
  const options = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(address.tls ? { tls: connection.ca === undefined ? {} : { ca: connection.ca } } : {}),
    commandTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    // A server that has vanished without a word is noticed by its silence.
    socketTimeout: 2 * timeoutMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // A primary that has become a replica: its name leads to the new one.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  } satisfies RedisOptions;
  const client =
    address.cluster || connection.cluster === true
      ? new Cluster([...address.nodes], {
          redisOptions: options,
          enableOfflineQueue: false,
          clusterRetryStrategy: reconnectDelay,
          // Certificates are made out to names, not to the addresses behind them.
          ...(address.tls ? { dnsLookup: (host, found) => found(null, host) } : {}),
        })
      : new Redis({
          ...options,
          ...address.nodes[0],
          db: address.db,
          enableOfflineQueue: false,
          retryStrategy: reconnectDelay,
        });
  const secrets = [password ?? ""].filter((secret) => secret !== "");
  return track(client, { timeoutMs, secrets, onError });
}

/** 50 ms, doubling to 1 s, and up to 100 ms more so that not all gateways come at once. */
function reconnectDelay(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 6), 1_000) + Math.random() * 100;
}

function track<Client extends RedisClient>(client: Client, link: Link): Client {
  links.set(client, link);
  const note = (error: Error) => {
    link.lastError = plain(error, link.secrets);
    link.onError(link.lastError);
  };
  client.on("error", note);
  client.on("node error", note);
  client.on("ready", () => {
    link.lastError = undefined;
  });
  if (client instanceof Cluster) client.on("+node", outliveLateErrors);
  else outliveLateErrors(client);
  return client;
}

/**
 * A TLS socket that is closed amid its handshake may report a second error, after the certificate's. The driver listens
 * for one only, and an error that nobody listens for ends the process.
 */
function outliveLateErrors(node: Redis): void {
  // The driver has made the socket by the end of the event loop's turn, unless it was closed meanwhile.
  node.on("connecting", () => setImmediate(() => node.stream?.on("error", () => {})));
}

/**
 * A second connection, for subscriptions alone: they are kept over a loss of the connection, and none is refused for
 * want of one. A silent loss is noticed within 7 times `timeoutMs` (on a cluster only by TCP's keep-alive).
 */
export function duplicateForSubscribe(client: RedisClient): RedisClient {
  const link = linkOf(client);
  const patient = { enableOfflineQueue: true };
  if (client instanceof Cluster) {
    const copy = track(client.duplicate([], { ...patient, shardedSubscribers: true }), { ...link });
    keepSubscriptions(copy);
    const names = ["subscribe", "psubscribe", "ssubscribe"];
    return reportRejections(copy, [...names, ...names.map((name) => name.replace("sub", "unsub"))]);
  }
  const copy = track(
    client.duplicate({ ...patient, maxRetriesPerRequest: null, commandTimeout: undefined }),
    { ...link },
  );
  const beat = setInterval(() => {
    if (copy.status === "ready") copy.ping().catch(() => {});
  }, 5 * link.timeoutMs);
  beat.unref();
  copy.once("end", () => clearInterval(beat));
  return copy;
}

/**
 * Makes a cluster's subscriptions anew after all nodes were away at once: ioredis 6.0.0 may then lose some of them.
 * With the slots known from before it looks for their nodes while it knows one node alone, and doesn't look again as
 * long as the slots stay the same: so these are forgotten. It may also wait for ever for a connection that it has
 * itself given up. Whatever is refused even so begins with another connection.
 */
function keepSubscriptions(cluster: Cluster): void {
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

/**
 * A connection for publishing whose calls never reject: what can't be published is reported to `onError` and lost. For
 * callers that don't look at the outcome, as Socket.IO's adapters.
 */
export function duplicateForPublish(client: RedisClient): RedisClient {
  const link = linkOf(client);
  const copy = client instanceof Cluster ? client.duplicate() : client.duplicate();
  return reportRejections(track(copy, { ...link }), ["publish", "spublish"]);
}

function reportRejections<Client extends RedisClient>(client: Client, names: readonly string[]): Client {
  const link = linkOf(client);
  const methods = client as unknown as Record<string, Method>;
  for (const name of names) {
    const method = methods[name]!.bind(client);
    methods[name] = async (...args) => {
      try {
        return await method(...args);
      } catch (error) {
        link.onError(plain(error as Error, link.secrets));
        return 0;
      }
    };
  }
  return client;
}

/**
 * Does `command` once there is a connection, again where that was lost, for at most the connection's `timeoutMs`.
 * Throws StoreError, retryable where Redis is away, busy or full.
 */
export async function callRedis<T>(client: RedisClient, command: () => Promise<T>): Promise<T> {
  const link = linkOf(client);
  const deadline = Date.now() + link.timeoutMs;
  for (;;) {
    try {
      await connected(client, deadline);
      return await within(command(), deadline);
    } catch (thrown) {
      const error = thrown as Error;
      const passing = isPassing(error);
      if (passing && client.status !== "end" && Date.now() < deadline) {
        await sleep(50);
        continue;
      }
      const reasons = [error, link.lastError].filter((reason) => reason !== undefined);
      const cause = plain(reasons.at(-1)!, link.secrets);
      throw new StoreError(`Expected an answer of Redis but received: ${cause.message}`, {
        retryable: passing,
        cause,
      });
    }
  }
}

async function connected(client: RedisClient, deadline: number): Promise<void> {
  while (client.status !== "ready") {
    if (client.status === "end") throw new Error("the connection was closed");
    if (Date.now() >= deadline) throw new Error("no connection in time");
    await sleep(20);
  }
}

async function within<T>(promise: Promise<T>, deadline: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), deadline - Date.now());
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Everything but an answer that says the command itself is wrong or forbidden. */
function isPassing(error: Error): boolean {
  return (
    error.name !== "ReplyError" ||
    /^(LOADING|CLUSTERDOWN|TRYAGAIN|READONLY|MASTERDOWN|BUSY|OOM|MISCONF)\b/.test(error.message)
  );
}

/** The driver's errors carry the arguments of their command, the password of AUTH among them. */
function plain(error: Error, secrets: readonly string[]): Error {
  const { lastNodeError } = error as { lastNodeError?: Error };
  const text = lastNodeError === undefined ? error.message : `${error.message} ${lastNodeError.message}`;
  const message = secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
  const { code } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(message || (code ?? error.name)), code === undefined ? {} : { code });
}

/**
 * Lua that Redis carries out as one step: a script on one key, which on a cluster decides where it runs.
 *
 * Returns what runs it by its hash, or with its text where Redis does not know it. It may run twice, see `callRedis`.
 * Throws StoreError.
 */
export function redisScript(lua: string) {
  const sha = createHash("sha1").update(lua).digest("hex");
  return (client: RedisClient, key: string, args: readonly (string | number)[]): Promise<unknown> =>
    callRedis(client, async () => {
      try {
        return await client.evalsha(sha, 1, key, ...args);
      } catch (error) {
        if (!(error as Error).message.startsWith("NOSCRIPT")) throw error;
        return client.eval(lua, 1, key, ...args);
      }
    });
}

/** [7, 0] for 7.0.15. Throws StoreError. */
export async function serverVersion(client: RedisClient): Promise<readonly [major: number, minor: number]> {
  const info = await callRedis(client, () => client.info("server"));
  const [, major = "0", minor = "0"] = /^redis_version:(\d+)\.(\d+)/m.exec(info) ?? [];
  return [Number(major), Number(minor)];
}

/** Ends the connection after what is under way, or without it where Redis doesn't answer. */
export async function closeRedis(client: RedisClient): Promise<void> {
  try {
    if (client.status === "ready") await within(client.quit(), Date.now() + 500);
  } catch {
    // It is closed below.
  } finally {
    client.disconnect();
  }
}

function linkOf(client: RedisClient): Link {
  const link = links.get(client);
  if (link === undefined) throw new TypeError("Expected a client of connectRedis but received another.");
  return link;
}
