/** What the service can be told, by flag or by environment: one table. */
import { parseArgs } from "node:util";
import { z } from "zod";
import { ConfigError, integer, logLevel } from "../common/config-values.ts";

interface ConfigEntry<T = unknown> {
  /** `--flag`; the variable is STYLIZE_FLAG unless `env` names another. */
  readonly env?: string;
  /** Of the text that a flag or variable has. */
  readonly schema: z.ZodType<T, string | undefined>;
  readonly help: string;
  /** Never printed. */
  readonly secret?: boolean;
}

const optional = z.string().min(1).optional();
const key = z.string().min(32, "at least 32 characters").optional();
const url = z.url({ protocol: /^https?$/, error: "an http:// or https:// address" }).optional();
const list = z
  .string()
  .default("")
  .transform((value) =>
    value
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean),
  );

const entry = <T>(
  schema: z.ZodType<T, string | undefined>,
  help: string,
  more: Pick<ConfigEntry, "env" | "secret"> = {},
) => ({ schema, help, ...more });

export const configTable = {
  host: entry(z.string().default("127.0.0.1"), "Address to listen on."),
  port: entry(integer(3000, 0, 65_535), "Port to listen on; 0 for any that is free."),
  data: entry(z.string().default("stylize-data"), "Folder of pictures, messages and records on one machine."),
  "public-url": entry(url, "Address at which browsers reach this gateway; http://HOST:PORT when not given."),
  origins: entry(list, "Origins of pages, separated by commas, that may connect beside the gateway's own."),
  "trust-proxy": entry(
    integer(0, 0, 10),
    "Proxies in front, whose X-Forwarded-For tells the client's address.",
  ),

  redis: entry(
    optional,
    "redis://, rediss:// or redis+cluster:// address of job records; files when not given.",
    { secret: true },
  ),
  "redis-password": entry(optional, "Password for Redis, where the address has none.", { secret: true }),
  bucket: entry(optional, "S3 bucket of pictures; files when not given."),
  "s3-endpoint": entry(url, "Address of S3, where it is not AWS's."),
  "cdn-url": entry(url, "Address under which public objects of the bucket can be read."),
  "queue-url": entry(url, "SQS queue of workers' news; files when not given."),
  "sqs-endpoint": entry(url, "Address of SQS, where it is not AWS's."),
  "batch-queue": entry(optional, "AWS Batch job queue; child processes when not given."),
  "batch-definition": entry(optional, "AWS Batch job definition."),
  "batch-endpoint": entry(url, "Address of Batch, where it is not AWS's."),
  region: entry(optional, "AWS region.", { env: "AWS_REGION" }),
  workers: entry(integer(1, 1, 64), "Jobs at a time, as child processes."),
  weights: entry(
    optional,
    "Network of child processes, a name or a file: docs/networks.md; vgg19 when not given and here, " +
      "else compact, or compact-small on a processor.",
  ),
  "browser-weights": entry(
    optional,
    "Safetensors file of a network of VGG19's shape for browsers that paint by themselves; " +
      "one that ships when not given.",
  ),

  secret: entry(key, "Key of the jobs' tokens, the same for all gateways; made up on one machine.", {
    secret: true,
  }),
  "jwt-secret": entry(
    key,
    "Key of HS256 tokens that clients must present; anybody may connect when not given.",
    { secret: true },
  ),
  "jwt-public-key": entry(
    optional,
    "PEM of the key of RS256, ES256 or EdDSA tokens that clients must present.",
  ),

  "max-image-bytes": entry(integer(20_000_000, 1000, 100_000_000), "Largest picture file."),
  "max-message-bytes": entry(
    integer(8_000_000, 1000, 100_000_000),
    "Largest message; larger pictures need an upload.",
  ),
  "max-pixels": entry(integer(50_000_000, 1024, 268_000_000), "Pixels of the largest picture."),
  "max-size": entry(integer(1536, 32, 16_384), "Long side of the largest result."),
  "max-size-software": entry(integer(512, 32, 4096), "The same where workers have no GPU."),
  "max-steps": entry(integer(500, 1, 2000), "Most steps at the last scale."),
  "jobs-per-client": entry(integer(3, 1, 1000), "Jobs of one client that have not ended."),
  "jobs-per-minute": entry(integer(6, 1, 100_000), "Jobs that one client may start in a minute."),
  "jobs-per-day": entry(integer(100, 1, 1_000_000), "Jobs that one client may start in a day."),
  "requests-per-minute": entry(integer(240, 1, 1_000_000), "Requests of one client in a minute."),
  "requests-at-once": entry(
    integer(64, 1, 10_000),
    "Jobs that one gateway takes in at a time; further ones are asked to come again.",
  ),
  "retention-days": entry(integer(7, 1, 365), "Days that records are kept after the last change."),

  "drain-seconds": entry(integer(100, 1, 119), "Seconds for work at hand after SIGTERM."),
  "log-level": entry(logLevel, "Least level of log lines."),
} as const satisfies Record<string, ConfigEntry>;

export type ConfigName = keyof typeof configTable;
const entries = Object.entries(configTable) as [ConfigName, ConfigEntry][];

export type Config = { readonly [Name in ConfigName]: z.output<(typeof configTable)[Name]["schema"]> };

/** The variable of a name: STYLIZE_PORT. */
export function variableOf(name: ConfigName): string {
  const { env }: ConfigEntry = configTable[name];
  return env ?? `STYLIZE_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** Reads flags before variables before defaults. Throws ConfigError. */
export function readConfig(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): { config: Config; print: boolean; help: boolean } {
  const { flags, print, help } = parseFlags(argv);
  const sentences: string[] = [];
  const values = entries.map(([name, { schema, secret }]) => {
    const variable = variableOf(name);
    const given = flags[name] ?? (env[variable] || undefined);
    const parsed = schema.safeParse(given);
    if (parsed.success) return [name, parsed.data];
    const received = secret ? "something else" : `'${given}'`;
    sentences.push(
      `Expected --${name} (${variable}) to be ${parsed.error.issues[0]!.message} but received ${received}.`,
    );
    return [name, undefined];
  });
  const config = Object.fromEntries(values) as Config;
  if (sentences.length === 0) sentences.push(...contradictions(config));
  if (sentences.length > 0 && !help) throw new ConfigError(sentences); // whoever asks for help may need it for this
  return { config, print, help };
}

function parseFlags(argv: readonly string[]) {
  const options = Object.fromEntries(entries.map(([name]) => [name, { type: "string" as const }]));
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { ...options, "print-config": { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    const flags = values as Partial<Record<ConfigName, string>>;
    return { flags, print: values["print-config"] === true, help: values.help === true };
  } catch (error) {
    throw new ConfigError([(error as Error).message.split("\n")[0]!]);
  }
}

/** What can't go together. */
function contradictions(config: Config): string[] {
  const needs = (name: ConfigName, other: ConfigName) =>
    config[name] !== undefined && config[other] === undefined
      ? [`Expected --${other} (${variableOf(other)}) with --${name} but received none.`]
      : [];
  return [
    ...needs("batch-queue", "batch-definition"),
    ...needs("batch-queue", "bucket"),
    ...needs("batch-queue", "queue-url"),
    ...needs("redis", "secret"),
    ...needs("redis-password", "redis"),
    ...(config["jwt-secret"] !== undefined && config["jwt-public-key"] !== undefined
      ? ["Expected one of --jwt-secret and --jwt-public-key but received both."]
      : []),
  ];
}

/** The values as they are in force, one a line; of secrets only whether they are set. */
export function printedConfig(config: Config): string {
  const lines = entries.map(([name, { secret }]) => {
    const value = config[name];
    const shown = String(value).replace(/\/\/[^/]*@/g, "//...@"); // of an address, without the login in it
    return `${name}: ${value === undefined ? "(not set)" : secret ? "(set)" : shown}`;
  });
  return `${lines.join("\n")}\n`;
}

export function helpText(): string {
  const rows = entries.map(([name, { schema, help }]) => {
    const fallback = schema.safeParse(undefined).data;
    const shown = fallback === undefined || `${fallback}` === "" ? "" : ` [${fallback}]`;
    return `  --${name.padEnd(20)} ${help}${shown}`;
  });
  return ["Usage: stylize-serve [options]; each has a variable, STYLIZE_PORT for --port", ...rows, ""].join(
    "\n",
  );
}
