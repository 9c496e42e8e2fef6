/**
 * A gateway with the stores that its configuration names: files and child processes on one machine, AWS and Redis in
 * the cloud.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { keys } from "../protocol/protocol.ts";
import { BatchJobQueue } from "../stores/batch-job-queue.ts";
import { FileMessageQueue } from "../stores/file-message-queue.ts";
import { createObjectRoutes } from "../stores/file-object-routes.ts";
import { FileObjectStore } from "../stores/file-object-store.ts";
import type { JobQueue } from "../stores/job-queue.ts";
import { LocalJobStore } from "../stores/local-job-store.ts";
import type { MessageQueue } from "../stores/message-queue.ts";
import { StoreError } from "../stores/object-store.ts";
import { S3ObjectStore } from "../stores/s3-object-store.ts";
import { SqsMessageQueue } from "../stores/sqs-message-queue.ts";
import type { Config, Environment } from "./config.ts";
import { type Gateway, type GatewayParts, startGateway } from "./gateway.ts";
import { createLimits } from "./limits.ts";
import { maxSize, openOwnWorkers, workerProgram } from "./own-workers.ts";
import { openRedis } from "./redis.ts";
import { removeOldAlways } from "./retention.ts";
import { openSite } from "./site.ts";
import { firstStyles } from "./styles.ts";

/** What one call of S3 may take: clients wait for the answer. */
const STORE_SECONDS = 20;

export interface ServeOptions {
  readonly config: Config;
  readonly env: Environment;
  readonly log: Logger;
  /** Node's arguments for a worker, in front of the worker's own; the real worker when not given. */
  readonly worker?: readonly string[];
  /** Folder of the built pages; service/dist/pages when not given. */
  readonly pages?: string;
  /** Milliseconds, for tests that can't wait. */
  readonly pace?: Pick<GatewayParts, "sweepMs" | "reconcileMs" | "graceMs">;
}

export interface ServedGateway extends Gateway {
  /** Where browsers reach it. */
  readonly url: string;
}

/** Starts all that the configuration asks for. The caller closes it. */
export async function serve({
  config,
  env,
  log,
  worker = workerProgram("main"),
  pages = builtPages,
  pace,
}: ServeOptions): Promise<ServedGateway> {
  const data = resolve(config.data);
  let address = config["public-url"] ?? "";
  const onError = (error: unknown) => log.error({ err: error }, "a store failed");
  const { objects, routes } = await openObjects(config, data, () => address, onError);
  const site = await openSite({ config, log, objects, folder: pages, maxSize: () => maxSize(config) });
  const messages = openMessages(config, data, onError);
  const retentionSeconds = config["retention-days"] * 86_400;
  const redis =
    config.redis === undefined
      ? undefined
      : await openRedis({ url: config.redis, password: config["redis-password"], retentionSeconds, onError });
  const jobs = redis?.jobs ?? new LocalJobStore({ folder: join(data, "jobs"), retentionSeconds });
  const parts: GatewayParts = {
    config,
    log,
    secret: config.secret ?? (await ownSecret(data)),
    objects,
    routes: [...routes, ...site.routes],
    messages,
    jobs,
    queue: openQueue({ config, env, log, worker }, data),
    limits: createLimits(config, redis?.connection),
    ...(redis === undefined ? {} : { adapter: redis.adapter }),
    ...pace,
  };
  const gateway = await startGateway(parts);
  address ||= `http://${reachableHost(config.host)}:${gateway.port}`;
  const isOnOneMachine = config.bucket === undefined;
  const stopRemoving = isOnOneMachine
    ? removeOldAlways(objects, config["retention-days"], onError)
    : undefined;
  return {
    port: gateway.port,
    url: address,
    async close() {
      stopRemoving?.();
      await gateway.close();
      await redis?.close();
      await site.close();
    },
  };
}

async function openObjects(
  config: Config,
  data: string,
  baseUrl: () => string,
  onError: (error: unknown) => void,
) {
  const { bucket, region, "s3-endpoint": endpoint, "cdn-url": publicBase } = config;
  if (bucket !== undefined)
    return {
      objects: new S3ObjectStore({ bucket, region, endpoint, publicBase, seconds: STORE_SECONDS }),
      routes: [],
    };
  const objects = await FileObjectStore.open(join(data, "objects"), { baseUrl });
  const { objects: present } = await objects.list(keys.style(""), { limit: 1 });
  if (present.length === 0) {
    for (const name of firstStyles) {
      const picture = await readFile(new URL(`../examples/${name}`, import.meta.url));
      await objects.put(keys.style(name), picture, { contentType: "image/jpeg" });
    }
  }
  return { objects, routes: [createObjectRoutes(objects, { onError })] };
}

function openMessages(config: Config, data: string, onError: (error: unknown) => void): MessageQueue {
  const { "queue-url": queueUrl, "sqs-endpoint": endpoint, region } = config;
  if (queueUrl === undefined) return new FileMessageQueue(join(data, "messages"), { onError });
  return new SqsMessageQueue({ queueUrl, endpoint, region, onError });
}

function openQueue(
  { config, env, log, worker }: Required<Omit<ServeOptions, "pace" | "pages">>,
  data: string,
): JobQueue {
  const {
    "batch-queue": jobQueue,
    "batch-definition": jobDefinition,
    "batch-endpoint": endpoint,
    region,
  } = config;
  if (jobQueue !== undefined)
    return new BatchJobQueue({ jobQueue, jobDefinition: jobDefinition!, endpoint, region });
  return openOwnWorkers({ config, env, log, worker, data });
}

/** For a host that means all of this machine's addresses, one that others can reach. */
function reachableHost(host: string): string {
  const isAny = host === "0.0.0.0" || host === "::";
  const addresses = isAny ? Object.values(networkInterfaces()).flat() : [];
  const outer = addresses.find((address) => address?.family === "IPv4" && !address.internal)?.address;
  const named = outer ?? (isAny ? "127.0.0.1" : host);
  return named.includes(":") ? `[${named}]` : named;
}

/** Where `npm run build:pages` puts them. */
const builtPages = fileURLToPath(
  new URL(extname(import.meta.url) === ".ts" ? "../service/dist/pages" : "../pages", import.meta.url),
);

/**
 * The key of one machine's tokens: made up once, readable for this user alone. Two gateways that begin at once agree on
 * one.
 *
 * Throws StoreError for one that is too short to be ours: with an empty key anybody could make tokens.
 */
async function ownSecret(data: string): Promise<string> {
  const path = join(data, "secret");
  await mkdir(data, { recursive: true, mode: 0o700 });
  if (!existsSync(path)) {
    const temporary = `${path}.${randomBytes(8).toString("hex")}`;
    await writeFile(temporary, randomBytes(32).toString("base64url"), { mode: 0o600, flush: true });
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await rm(temporary);
  }
  const secret = await readFile(path, "utf8");
  if (secret.length >= 32) return secret;
  const message = `Expected at least 32 characters in '${path}' but received ${secret.length}.`;
  throw new StoreError(message, { retryable: false });
}
