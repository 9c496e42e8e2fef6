/** What the environment tells a worker: one schema. */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ConfigError, choice, integer, logLevel, text } from "../common/config-values.ts";
import { optionTable } from "../engine/options.ts";

/** Where objects lie, or where messages go. */
export type Place =
  | { readonly kind: "file"; readonly folder: string }
  | { readonly kind: "s3"; readonly bucket: string }
  | { readonly kind: "sqs"; readonly url: string };

function place<T extends Place>(expected: string, parse: (url: URL) => T | undefined) {
  return text.transform((value, context) => {
    const url = value !== undefined && URL.canParse(value) ? new URL(value) : undefined;
    const parsed = url && (fileOf(url) ?? parse(url));
    if (parsed) return parsed;
    context.addIssue(expected);
    return z.NEVER;
  });
}

function fileOf(url: URL): Extract<Place, { kind: "file" }> | undefined {
  const isLocal = url.protocol === "file:" && url.host === "";
  return isLocal ? { kind: "file", folder: fileURLToPath(url) } : undefined;
}

const yes = { true: true, "1": true, false: false, "0": false };

const schema = z
  .object({
    /** Object store. The SDK reads AWS_REGION, AWS_ENDPOINT_URL_S3 and credentials itself. */
    STYLIZE_OBJECTS: place("file:///FOLDER or s3://BUCKET", ({ protocol, host, pathname }) => {
      const isBucket = protocol === "s3:" && host !== "" && ["", "/"].includes(pathname);
      return isBucket ? { kind: "s3" as const, bucket: host } : undefined;
    }),
    /** Message queue; AWS_ENDPOINT_URL_SQS likewise. */
    STYLIZE_QUEUE: place("file:///FOLDER or an https:// address of an SQS queue", (url) => {
      const isQueue = /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
      return isQueue ? { kind: "sqs" as const, url: url.href } : undefined;
    }),
    /** Network, by name or file; else `vgg19` where it was fetched, or the one that ships for the adapter. */
    STYLIZE_WEIGHTS: text,
    /** Folder of fetched networks, and of what was found out about a GPU's kernels; else the system's for caches. */
    STYLIZE_CACHE: text,
    /** Most pixels of a result's long side, on a GPU and on a software adapter. */
    STYLIZE_MAX_SIZE: integer(2048, 32, 16_384),
    STYLIZE_MAX_SIZE_SOFTWARE: integer(512, 32, 16_384),
    /** Most pixels of a picture that comes in. */
    STYLIZE_MAX_PIXELS: integer(64_000_000, 1024, 2 ** 28),
    /** Steps at each scale where the job names none. */
    STYLIZE_STEPS: integer(optionTable.steps.default, 1, 2000),
    STYLIZE_CHECKPOINT_SECONDS: integer(30, 1, 3600),
    STYLIZE_REQUIRE_GPU: choice("true", yes),
    /** This attempt, from 1, and how many there are: failures that others may not meet are told at the last one. */
    STYLIZE_ATTEMPT: integer(1, 1, 1000),
    STYLIZE_ATTEMPTS: integer(3, 1, 1000),
    /** 1: the end of standard input means that whoever started the worker is gone, and stops it like SIGTERM. */
    STYLIZE_PARENT_PIPE: choice("0", yes),
    STYLIZE_LOG_LEVEL: logLevel,
  })
  .transform((env) => ({
    objects: env.STYLIZE_OBJECTS,
    queue: env.STYLIZE_QUEUE,
    weights: env.STYLIZE_WEIGHTS,
    cache: env.STYLIZE_CACHE,
    limits: {
      maxSize: env.STYLIZE_MAX_SIZE,
      maxSizeSoftware: env.STYLIZE_MAX_SIZE_SOFTWARE,
      maxPixels: env.STYLIZE_MAX_PIXELS,
      steps: env.STYLIZE_STEPS,
      checkpointSeconds: env.STYLIZE_CHECKPOINT_SECONDS,
      isLastAttempt: env.STYLIZE_ATTEMPT >= env.STYLIZE_ATTEMPTS,
    },
    requireGpu: env.STYLIZE_REQUIRE_GPU,
    parentPipe: env.STYLIZE_PARENT_PIPE,
    logLevel: env.STYLIZE_LOG_LEVEL,
  }));

export type WorkerConfig = z.infer<typeof schema>;
export type JobLimits = WorkerConfig["limits"];

/** Variables that are empty count as not set. Throws ConfigError. */
export function parseConfig(environment: NodeJS.ProcessEnv): WorkerConfig {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
  const env = { STYLIZE_ATTEMPT: set.AWS_BATCH_JOB_ATTEMPT, ...set };
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map(({ path, message }) => {
      const value = env[String(path[0]) as keyof typeof env];
      const received = value === undefined ? "nothing" : `'${value.replace(/\/\/[^/]*@/, "//...@")}'`;
      return `Expected ${String(path[0])} to be ${message} but received ${received}.`;
    }),
  );
}
