/**
 * The variables that gateway and worker read, and those that their containers are started with: the same, and with
 * values that are taken.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ConfigName, configTable, readConfig, variableOf } from "../../gateway/config.ts";
import { parseRedisUrl } from "../../stores/redis-url.ts";
import { parseConfig } from "../../worker/config.ts";
import { deployment, gatewayContainer, workerContainer } from "./deployment.ts";
import { environments } from "./parameters.ts";
import { reachableFrom, variablesRead } from "./programs.ts";

/** Of the gateway: what no environment sets, and why. */
const gatewayDefaults: Partial<Record<ConfigName, string>> = {
  data: "nothing lies on the gateway's own disk where bucket, queue and Redis are named",
  "s3-endpoint": "AWS's own",
  "sqs-endpoint": "AWS's own",
  "batch-endpoint": "AWS's own",
  workers: "jobs go to Batch",
  weights: "jobs go to Batch, whose image has them",
  "max-size-software": "workers have a GPU or end",
  "browser-weights": "pages have those that ship, and the image no other",
  "max-image-bytes": "as good in the cloud",
  "max-message-bytes": "as good in the cloud",
  "max-pixels": "as good in the cloud",
  "max-steps": "as good in the cloud",
  "jobs-per-client": "as good in the cloud",
  "jobs-per-minute": "as good in the cloud",
  "jobs-per-day": "as good in the cloud",
  "requests-per-minute": "as good in the cloud",
};

/** Of the worker. */
const workerDefaults: Readonly<Record<string, string>> = {
  STYLIZE_WEIGHTS: "the image's",
  STYLIZE_MAX_SIZE_SOFTWARE: "there is a GPU, or the worker ends",
  STYLIZE_MAX_PIXELS: "more than the gateway takes",
  STYLIZE_STEPS: "the engine's own",
  STYLIZE_CHECKPOINT_SECONDS: "as good in the cloud",
  STYLIZE_REQUIRE_GPU: "true by default",
  STYLIZE_ATTEMPT: "Batch's AWS_BATCH_JOB_ATTEMPT",
  STYLIZE_PARENT_PIPE: "nobody holds a container's standard input",
};

/** Set for others than our programs. */
const forOthers = ["NVIDIA_DRIVER_CAPABILITIES", "__GL_SHADER_DISK_CACHE_PATH"];

/** Read by our programs, but neither a setting nor set: by whom they are set, or why not. */
const ambient: Readonly<Record<string, string>> = {
  AWS_BATCH_JOB_ATTEMPT: "Batch",
  AWS_ENDPOINT_URL_S3: "not set: AWS's own",
  AWS_ENDPOINT_URL_SQS: "not set: AWS's own",
  STYLIZE_CACHE: "the gateway has no networks",
  HOME: "where fetched networks would lie",
  LOCALAPPDATA: "the same on Windows",
  XDG_CACHE_HOME: "the same",
  NO_PROXY: "for fetching networks",
  LP_NATIVE_VECTOR_WIDTH: "for software adapters",
  MESA_SHADER_CACHE_DIR: "for software adapters",
  MESA_SHADER_CACHE_DISABLE: "for software adapters",
};

const gatewayVariables = (Object.keys(configTable) as ConfigName[]).map(variableOf);
const workerVariables = [
  ...readFileSync(new URL("../../worker/config.ts", import.meta.url), "utf8").matchAll(
    /^ {4}(STYLIZE_\w+):/gm,
  ),
].map(([, name]) => name!);
/** The AWS SDK's. */
const sdkVariables = ["AWS_REGION"];

const setIn = (container: (environment: (typeof environments)[number]) => { environment: object }) => [
  ...new Set(environments.flatMap((environment) => Object.keys(container(environment).environment))),
];

describe("the gateway", () => {
  const defaults = (Object.keys(gatewayDefaults) as ConfigName[]).map(variableOf);

  it("is told each setting, or left to its default for a reason", () => {
    expect(setIn(gatewayContainer).sort()).toEqual(
      gatewayVariables.filter((name) => !defaults.includes(name)).sort(),
    );
  });

  it("gets its secrets from Secrets Manager, and nothing else", () => {
    const secret = (Object.keys(configTable) as ConfigName[]).filter((name) => "secret" in configTable[name]);
    const keys = ["STYLIZE_JWT_PUBLIC_KEY", ...secret.map(variableOf)];
    // Its address has no password.
    const wanted = keys.filter((name) => name !== "STYLIZE_REDIS").sort();
    const given = environments.flatMap((environment) => gatewayContainer(environment).secrets);
    expect([...new Set(given)].sort()).toEqual(wanted);
  });

  it.each(environments)("takes its variables in %s", (environment) => {
    const { environment: variables, secrets } = gatewayContainer(environment);
    const key = Object.fromEntries(secrets.map((name) => [name, "k".repeat(64)]));
    const { config } = readConfig([], { ...variables, ...key });
    const root = deployment(environment);
    const url = root.output("Url");
    expect(config).toMatchObject({ host: "0.0.0.0", "public-url": url, "cdn-url": url });
    expect(config).toMatchObject({ bucket: root.output("BucketName"), region: "us-east-1" });
    expect(config).toMatchObject({
      "batch-queue": root.output("JobQueueArn"),
      "batch-definition": root.output("JobDefinitionArn"),
      "queue-url": root.output("NewsQueueUrl"),
    });
    expect(parseRedisUrl(config.redis!)).toMatchObject({ tls: true, cluster: false });
  });

  it("believes as many proxies as there are in front: CloudFront and the load balancer", () => {
    const { environment } = gatewayContainer("production");
    expect(environment.STYLIZE_TRUST_PROXY).toBe("2");
    const balancer = deployment("production").nested("Edge").resource("LoadBalancer").Properties;
    expect(balancer.LoadBalancerAttributes).toContainEqual({
      Key: "routing.http.xff_header_processing.mode",
      Value: "append",
    });
  });
});

describe("the worker", () => {
  it("is told each setting, or left to its default for a reason", () => {
    expect(workerVariables.length).toBeGreaterThan(8);
    const wanted = [...workerVariables, ...sdkVariables, ...forOthers];
    expect(setIn(workerContainer).sort()).toEqual(wanted.filter((name) => !workerDefaults[name]).sort());
    for (const name of Object.keys(workerDefaults)) expect(workerVariables).toContain(name);
  });

  it.each(environments)("takes its variables in %s, and agrees with the gateway", (environment) => {
    const worker = parseConfig(workerContainer(environment).environment);
    const { environment: variables, secrets } = gatewayContainer(environment);
    const key = Object.fromEntries(secrets.map((name) => [name, "k".repeat(64)]));
    const { config: gateway } = readConfig([], { ...variables, ...key });
    expect(worker.objects).toEqual({ kind: "s3", bucket: gateway.bucket });
    expect(worker.queue).toEqual({ kind: "sqs", url: gateway["queue-url"] });
    expect(worker.limits.maxSize).toBe(gateway["max-size"]);
    expect(worker.limits.maxPixels).toBeGreaterThanOrEqual(gateway["max-pixels"]);
    expect(worker.requireGpu).toBe(true);
  });

  it("knows the attempts that Batch makes", () => {
    const { Properties } = deployment("production").nested("Compute").resource("JobDefinition");
    expect(Properties.RetryStrategy).toMatchObject({
      Attempts: Number(workerContainer("production").environment.STYLIZE_ATTEMPTS),
    });
  });
});

describe.each([
  ["gateway", gatewayVariables],
  ["worker", workerVariables],
] as const)("the %s's source", (program, variables) => {
  it("reads no other variables", () => {
    const read = variablesRead(reachableFrom(`${program}/main.ts`));
    const known = [...variables, ...sdkVariables, ...Object.keys(ambient)];
    expect(read.filter((name) => !known.includes(name))).toEqual([]);
  });
});
