/** Workers that a gateway on one machine starts itself: which program they are, what they are told and can do. */
import { execFile } from "node:child_process";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Logger } from "pino";
import { tracer } from "../common/trace.ts";
import { exitCodes } from "../protocol/exit-codes.ts";
import { jobIdOf } from "../protocol/protocol.ts";
import type { JobQueue } from "../stores/job-queue.ts";
import { ProcessJobQueue } from "../stores/process-job-queue.ts";
import { type Config, type ConfigName, configTable, variableOf } from "./config.ts";

export interface OwnWorkersOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** Node's arguments for a worker, in front of the worker's own. */
  readonly worker: readonly string[];
  /** Folder of the machine's objects and messages. */
  readonly data: string;
}

const trace = tracer("gateway:workers");

export function openOwnWorkers({ config, env, log, worker, data }: OwnWorkersOptions): JobQueue {
  return new ProcessJobQueue({
    command: process.execPath,
    args: worker,
    env: workerEnvironment(config, data, env),
    concurrency: config.workers,
    noRetryCodes: [exitCodes["bad-input"], exitCodes["bad-config"]],
    onLog(text, { requestId, attempt }) {
      trace(() => `${jobIdOf(requestId)} ${text}`);
      log.debug({ jobId: jobIdOf(requestId), attempt, text }, "worker");
    },
  });
}

/** Node's arguments for a file of the worker. From source it runs through tsx, as this process does. */
export function workerProgram(name: "main" | "has-gpu"): string[] {
  const extension = extname(fileURLToPath(import.meta.url));
  const file = fileURLToPath(new URL(`../worker/${name}${extension}`, import.meta.url));
  return extension === ".ts" ? ["--import", import.meta.resolve("tsx"), file] : [file];
}

/**
 * Pixels of the long side of the largest result. Those who run workers elsewhere give them GPUs. `hasGpu`: Node's
 * arguments for worker/has-gpu.ts.
 */
export async function maxSize(config: Config, hasGpu: readonly string[]): Promise<number> {
  if (config["batch-queue"] !== undefined) return config["max-size"];
  const asked = promisify(execFile)(process.execPath, hasGpu);
  const { stdout } = await asked.catch(() => ({ stdout: "no" }));
  return stdout === "yes" ? config["max-size"] : Math.min(config["max-size"], config["max-size-software"]);
}

/** What a worker of ours needs to know, without what only gateways may. */
function workerEnvironment(config: Config, data: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = (Object.keys(configTable) as ConfigName[]).map(variableOf);
  const isOwn = (name: string) => name.startsWith("STYLIZE_") && own.includes(name);
  const inherited = Object.entries(env).filter(([name]) => !isOwn(name));
  const { bucket, weights, region, "queue-url": queueUrl } = config;
  const given = {
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
  return Object.fromEntries([...inherited, ...set]);
}
