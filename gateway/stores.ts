/** The stores that a configuration names: files and child processes on one machine, AWS and Redis in the cloud. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { opened } from "../common/disposal.ts";
import { makeFolder } from "../engine/make-folder.ts";
import { keys } from "../protocol/protocol.ts";
import { FileMessageQueue } from "../stores/file-message-queue.ts";
import { createObjectRoutes } from "../stores/file-object-routes.ts";
import { FileObjectStore } from "../stores/file-object-store.ts";
import type { JobQueue } from "../stores/job-queue.ts";
import { LocalJobStore } from "../stores/local-job-store.ts";
import type { MessageQueue } from "../stores/message-queue.ts";
import { StoreError } from "../stores/object-store.ts";
import type { GatewayStores } from "./gateway.ts";
import type { Route } from "./http.ts";
import { createLimits } from "./limits.ts";
import { type OwnWorkersOptions, openOwnWorkers } from "./own-workers.ts";
import { firstStyles } from "./styles.ts";

/** What one call of S3 may take: clients wait for the answer. */
const STORE_SECONDS = 20;

export interface StoresOptions extends OwnWorkersOptions {
  /** Where browsers reach this gateway, asked for when a URL is made. */
  readonly baseUrl: () => string;
}

export interface OpenStores extends GatewayStores, AsyncDisposable {
  /** Where the gateway serves the objects itself. */
  readonly routes: readonly Route[];
}

/**
 * Throws StoreError for what can't be had. The end closes what is open, after what is under way. What only the cloud
 * needs is loaded only there: AWS's SDK and the client of Redis are a third of a gateway's start.
 */
export function openStores(options: StoresOptions): Promise<OpenStores> {
  const { config, data, log } = options;
  const onError = (error: unknown) => log.error({ err: error }, "a store failed");
  return opened(onError, async (disposal) => {
    const objects = await openObjects(options, onError);
    const messages = await openMessages(options, onError);
    const { redis: url, "redis-password": password } = config;
    const retentionSeconds = config["retention-days"] * 86_400;
    const redis =
      url === undefined
        ? undefined
        : await (await import("./redis.ts")).openRedis({ url, password, retentionSeconds, onError });
    if (redis) disposal.defer(() => redis.close());
    const jobs = redis?.jobs ?? new LocalJobStore({ folder: join(data, "jobs"), retentionSeconds });
    disposal.defer(() => jobs.close());
    const secret = config.secret ?? (await ownSecret(data));
    const queue = await openQueue(options);
    disposal.defer(() => queue.close());
    return {
      ...objects,
      messages,
      jobs,
      secret,
      queue,
      limits: createLimits(config, redis?.connection),
      ...(redis === undefined ? {} : { adapter: redis.adapter }),
      [Symbol.asyncDispose]: () => disposal[Symbol.asyncDispose](),
    };
  });
}

type OnError = (error: unknown) => void;

async function openObjects({ config, data, baseUrl }: StoresOptions, onError: OnError) {
  const { bucket, region, "s3-endpoint": endpoint, "cdn-url": publicBase } = config;
  if (bucket !== undefined) {
    const { S3ObjectStore } = await import("../stores/s3-object-store.ts");
    const store = new S3ObjectStore({ bucket, region, endpoint, publicBase, seconds: STORE_SECONDS });
    return { objects: store, routes: [] };
  }
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

async function openMessages({ config, data }: StoresOptions, onError: OnError): Promise<MessageQueue> {
  const { "queue-url": queueUrl, "sqs-endpoint": endpoint, region } = config;
  if (queueUrl === undefined) return new FileMessageQueue(join(data, "messages"), { onError });
  const { SqsMessageQueue } = await import("../stores/sqs-message-queue.ts");
  return new SqsMessageQueue({ queueUrl, endpoint, region, onError });
}

async function openQueue(options: StoresOptions): Promise<JobQueue> {
  const {
    "batch-queue": jobQueue,
    "batch-definition": jobDefinition,
    "batch-endpoint": endpoint,
    region,
  } = options.config;
  if (jobQueue === undefined) return openOwnWorkers(options);
  const { BatchJobQueue } = await import("../stores/batch-job-queue.ts");
  return new BatchJobQueue({ jobQueue, jobDefinition: jobDefinition!, endpoint, region });
}

/**
 * The key of one machine's tokens, for this user alone: made up once, by one of the gateways that begin at once. Throws
 * StoreError for one that is too short to be ours: with an empty key anybody could make tokens.
 */
async function ownSecret(data: string): Promise<string> {
  const path = join(data, "secret");
  makeFolder(data, 0o700);
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
  throw new StoreError(`Expected at least 32 characters in '${path}' but received ${secret.length}.`);
}
