/** A gateway with the stores that its configuration names: files and child processes on one machine, AWS and Redis in the cloud. */
import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Logger } from "pino";
import { BatchJobQueue } from "../stores/batch-job-queue.ts";
import { FileMessageQueue } from "../stores/file-message-queue.ts";
import { createObjectRoutes } from "../stores/file-object-routes.ts";
import { FileObjectStore } from "../stores/file-object-store.ts";
import type { JobQueue } from "../stores/job-queue.ts";
import { LocalJobStore } from "../stores/local-job-store.ts";
import type { MessageQueue } from "../stores/message-queue.ts";
import { ProcessJobQueue } from "../stores/process-job-queue.ts";
import { S3ObjectStore } from "../stores/s3-object-store.ts";
import { SqsMessageQueue } from "../stores/sqs-message-queue.ts";
import { exitCodes } from "../worker/exit-codes.ts";
import { type Config, type Environment, settings, variableOf } from "./config.ts";
import { type Gateway, type GatewayParts, startGateway } from "./gateway.ts";
import { createLimits } from "./limits.ts";
import { jobIdOf, keys } from "./protocol.ts";
import { openRedis } from "./redis.ts";

/** Styles of a new service on one machine. */
const firstStyles = ["auvers.jpg", "great-wave.jpg", "poppies.jpg"];

/** What one call of S3 may take: clients wait for the answer. */
const STORE_SECONDS = 20;

export interface ServeOptions {
  readonly config: Config;
  readonly env: Environment;
  readonly log: Logger;
  /** Node's arguments for a worker, in front of the worker's own; the real worker when not given. */
  readonly worker?: readonly string[];
  /** Milliseconds, for tests that can't wait. */
  readonly pace?: Pick<GatewayParts, "sweepMs" | "reconcileMs" | "graceMs">;
}

/** Starts all that the configuration asks for. The caller closes it. */
export async function serve({
  config,
  env,
  log,
  worker = realWorker(),
  pace,
}: ServeOptions): Promise<Gateway> {
  const data = resolve(config.data);
  let address = config["public-url"] ?? "";
  const onError = (error: unknown) => log.error({ err: error }, "a store failed");
  const { objects, routes } = await openObjects(config, data, () => address, onError);
  const messages = openMessages(config, data, onError);
  const retentionSeconds = config["retention-days"] * 86_400;
  const redis =
    config.redis === undefined ? undefined : await openRedis(config.redis, retentionSeconds, onError);
  const jobs = redis?.jobs ?? new LocalJobStore({ folder: join(data, "jobs"), retentionSeconds });
  const parts: GatewayParts = {
    config,
    log,
    secret: config.secret ?? (await ownSecret(data)),
    objects,
    routes,
    messages,
    jobs,
    queue: openQueue({ config, env, log, worker }, data),
    limits: createLimits(config, redis?.connection),
    ...(redis === undefined ? {} : { adapter: redis.adapter }),
    ...pace,
  };
  const gateway = await startGateway(parts);
  address ||= `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${gateway.port}`;
  return {
    port: gateway.port,
    async close() {
      await gateway.close();
      await redis?.close();
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
      const picture = await readFile(new URL(`${sourceRoot}examples/${name}`, import.meta.url));
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
  { config, env, log, worker }: Required<Omit<ServeOptions, "pace">>,
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
  return new ProcessJobQueue({
    command: process.execPath,
    args: worker,
    env: workerEnvironment(config, data, env),
    concurrency: config.workers,
    noRetryCodes: [exitCodes["bad-input"], exitCodes["bad-config"]],
    onLog: (text, { requestId, attempt }) =>
      log.debug({ jobId: jobIdOf(requestId), attempt, text }, "worker"),
  });
}

/** From source the worker runs through tsx, as this process does. */
function realWorker(): string[] {
  const extension = extname(fileURLToPath(import.meta.url));
  const main = fileURLToPath(new URL(`../worker/main${extension}`, import.meta.url));
  return extension === ".ts" ? ["--import", import.meta.resolve("tsx"), main] : [main];
}

/** From this file to the folder with `examples/`. */
const sourceRoot = extname(import.meta.url) === ".ts" ? "../" : "../../";

/** What a worker of ours needs to know, without what only gateways may. */
function workerEnvironment(config: Config, data: string, env: Environment): Record<string, string> {
  const own = (Object.keys(settings) as (keyof typeof settings)[])
    .map(variableOf)
    .filter((name) => name.startsWith("STYLIZE_"));
  const inherited = Object.entries(env).filter(([name, value]) => value !== undefined && !own.includes(name));
  const { bucket, weights, region, "queue-url": queueUrl } = config;
  const given: Record<string, string | undefined> = {
    STYLIZE_OBJECTS: bucket === undefined ? pathToFileURL(join(data, "objects")).href : `s3://${bucket}`,
    STYLIZE_QUEUE: queueUrl ?? pathToFileURL(join(data, "messages")).href,
    STYLIZE_WEIGHTS: weights,
    STYLIZE_MAX_SIZE: String(config["max-size"]),
    STYLIZE_MAX_SIZE_SOFTWARE: String(config["max-size-software"]),
    STYLIZE_MAX_PIXELS: String(config["max-pixels"]),
    STYLIZE_REQUIRE_GPU: "false",
    AWS_ENDPOINT_URL_S3: config["s3-endpoint"],
    AWS_ENDPOINT_URL_SQS: config["sqs-endpoint"],
    AWS_REGION: region,
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...inherited, ...set]) as Record<string, string>;
}

/** The key of one machine's tokens: made up once, readable for this user alone. Two gateways that begin at once agree on one. */
async function ownSecret(data: string): Promise<string> {
  const path = join(data, "secret");
  const read = () => readFile(path, "utf8").catch(() => undefined);
  const present = await read();
  if (present) return present;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(8).toString("hex")}`;
  await writeFile(temporary, randomBytes(32).toString("base64url"), { mode: 0o600 });
  await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await rm(temporary);
  return (await read())!;
}
