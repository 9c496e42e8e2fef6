/** Numbers in the templates that have to agree with numbers in the code, and with each other. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { configTable, readConfig } from "../../gateway/config.ts";
import { exitCodes } from "../../protocol/exit-codes.ts";
import { keys } from "../../protocol/protocol.ts";
import { maxMessageBytes, maxReceives } from "../../stores/message-queue.ts";
import { deployment, gatewayContainer, workerContainer } from "./deployment.ts";
import { environments } from "./parameters.ts";
import { like } from "./policies.ts";
import type { Stack } from "./stack.ts";
import type { Fields } from "./templates.ts";

/** A number that a file of ours has under a name. */
function constant(file: string, pattern: RegExp): number {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
  const found = [...text.matchAll(pattern)];
  if (found.length !== 1)
    throw new Error(`Expected ${pattern} once in ${file} but it is there ${found.length} times.`);
  return Number(found[0]![1]!.replaceAll("_", ""));
}

const patienceSeconds = constant("gateway/news.ts", /^const PATIENCE_MS = ([\d_]+);$/gm) / 1000;
const keepAliveSeconds = constant("gateway/listener.ts", /^const KEEP_ALIVE_MS = ([\d_]+);$/gm) / 1000;
const pingSeconds =
  (constant("gateway/listener.ts", /pingInterval: ([\d_]+),/g) +
    constant("gateway/listener.ts", /pingTimeout: ([\d_]+),/g)) /
  1000;
const pollSeconds = constant("stores/sqs-message-queue.ts", /^const pollSeconds = ([\d_]+);$/gm);
const urlSeconds = constant("gateway/views.ts", /^const URL_SECONDS = ([\d_]+);$/gm);
const uploadSeconds = constant("gateway/uploads.ts", /^const SECONDS = ([\d_]+);$/gm);
const readySeconds = constant("stores/aws-call.ts", /^export const defaultCallSeconds = ([\d_]+);$/gm);

const propertiesOf = (root: Stack, stack: string, name: string) =>
  root.nested(stack).resource(name).Properties;
const attributeOf = (list: unknown, key: string) =>
  Number((list as { Key: string; Value: string }[]).find(({ Key }) => Key === key)?.Value);

interface ExitRule {
  readonly OnExitCode?: string;
  readonly OnReason?: string;
  readonly OnStatusReason?: string;
  readonly Action: "RETRY" | "EXIT";
}

describe.each(environments)("%s", (environment) => {
  const root = deployment(environment);

  it("hides a message for longer than a gateway holds it", () => {
    const queue = propertiesOf(root, "Data", "NewsQueue");
    expect(Number(queue.VisibilityTimeout)).toBeGreaterThan(patienceSeconds);
    expect(queue.ReceiveMessageWaitTimeSeconds).toBe(pollSeconds);
    expect(queue.RedrivePolicy).toMatchObject({
      maxReceiveCount: maxReceives,
      deadLetterTargetArn: expect.stringMatching(/-news-dead$/),
    });
    expect(Number(queue.MaximumMessageSize ?? 262_144)).toBeGreaterThanOrEqual(maxMessageBytes);
  });

  it("keeps a message that was put aside for longer than it could wait before", () => {
    const dead = propertiesOf(root, "Data", "DeadLetterQueue");
    const queue = propertiesOf(root, "Data", "NewsQueue");
    expect(Number(dead.MessageRetentionPeriod)).toBeGreaterThan(Number(queue.MessageRetentionPeriod));
    expect(dead.RedriveAllowPolicy).toMatchObject({
      sourceQueueArns: [root.nested("Data").output("NewsQueueArn")],
    });
  });

  it("cuts no websocket that pings, and no request that a gateway would still take", () => {
    const { LoadBalancerAttributes } = propertiesOf(root, "Edge", "LoadBalancer");
    const idle = attributeOf(LoadBalancerAttributes, "idle_timeout.timeout_seconds");
    expect(idle).toBeGreaterThan(pingSeconds);
    expect(idle).toBeLessThan(keepAliveSeconds);
  });

  it("gives a gateway the time that it takes to stop", () => {
    const { properties, environment: variables } = gatewayContainer(environment);
    const drain = Number(variables.STYLIZE_DRAIN_SECONDS);
    expect(Number(properties.StopTimeout)).toBeGreaterThan(drain);
    expect(Number(properties.StopTimeout)).toBeLessThanOrEqual(120); // Fargate's most
    const { TargetGroupAttributes } = propertiesOf(root, "Edge", "TargetGroup");
    expect(attributeOf(TargetGroupAttributes, "deregistration_delay.timeout_seconds")).toBeLessThan(drain);
  });

  it("waits for the health check's answer, which waits for the stores", () => {
    const target = propertiesOf(root, "Edge", "TargetGroup");
    expect(target).toMatchObject({ HealthCheckPath: "/readyz", Port: 3000, Protocol: "HTTP" });
    expect(Number(target.HealthCheckTimeoutSeconds)).toBeGreaterThan(readySeconds);
    expect(Number(target.HealthCheckTimeoutSeconds)).toBeLessThan(Number(target.HealthCheckIntervalSeconds));
    // Stores that are away for a while are no reason to replace gateways.
    const patience = Number(target.UnhealthyThresholdCount) * Number(target.HealthCheckIntervalSeconds);
    expect(patience).toBeGreaterThanOrEqual(120);
  });

  it("has one port all the way", () => {
    const { environment: variables, properties } = gatewayContainer(environment);
    const port = Number(variables.STYLIZE_PORT);
    expect(properties.PortMappings).toEqual([{ ContainerPort: port, Protocol: "tcp" }]);
    expect(propertiesOf(root, "Edge", "TargetGroup").Port).toBe(port);
    expect(propertiesOf(root, "Service", "Service").LoadBalancers).toMatchObject([{ ContainerPort: port }]);
    for (const name of ["LoadBalancerToGateway", "GatewayFromLoadBalancer"])
      expect(propertiesOf(root, "Network", name)).toMatchObject({ FromPort: port, ToPort: port });
    const { Command } = properties.HealthCheck as { Command: string[] };
    expect(Command.join(" ")).toContain(`http://127.0.0.1:${port}/healthz`);
    const redis = propertiesOf(root, "Data", "Redis").Port;
    for (const name of ["GatewayToRedis", "RedisFromGateway"])
      expect(propertiesOf(root, "Network", name)).toMatchObject({ FromPort: redis, ToPort: redis });
  });

  it("gives Batch's attempts and waits what Batch takes", () => {
    const { Timeout, RetryStrategy } = propertiesOf(root, "Compute", "JobDefinition") as Record<
      string,
      Fields
    >;
    expect(Number(Timeout!.AttemptDurationSeconds)).toBeGreaterThanOrEqual(60);
    expect(Number(RetryStrategy!.Attempts)).toBeLessThanOrEqual(10);
    const { JobStateTimeLimitActions } = propertiesOf(root, "Compute", "JobQueue");
    for (const { MaxTimeSeconds, State } of JobStateTimeLimitActions as unknown as Fields[]) {
      expect(State).toBe("RUNNABLE");
      expect(Number(MaxTimeSeconds)).toBeGreaterThanOrEqual(600);
      expect(Number(MaxTimeSeconds)).toBeLessThanOrEqual(86_400);
    }
    for (const name of ["SpotEnvironment", "OnDemandEnvironment"]) {
      const { ComputeResources } = propertiesOf(root, "Compute", name) as Record<string, Fields>;
      const { MinvCpus, MaxvCpus, ScalingPolicy } = ComputeResources!;
      expect(Number(MinvCpus)).toBeLessThanOrEqual(Number(MaxvCpus));
      const { MinScaleDownDelayMinutes: minutes = 0 } = (ScalingPolicy ?? {}) as Fields;
      expect(Number(minutes) === 0 || (Number(minutes) >= 20 && Number(minutes) <= 10_080)).toBe(true);
    }
  });

  it("fits a job into the smallest of its machines", () => {
    const { ResourceRequirements } = workerContainer(environment).properties;
    const of = (type: string) =>
      Number(
        (ResourceRequirements as { Type: string; Value: string }[]).find(({ Type }) => Type === type)?.Value,
      );
    const { ComputeResources } = propertiesOf(root, "Compute", "SpotEnvironment") as Record<string, Fields>;
    expect(of("GPU")).toBe(1);
    expect(of("VCPU")).toBeLessThanOrEqual(4);
    expect(of("VCPU")).toBeLessThanOrEqual(Number(ComputeResources!.MaxvCpus));
    // 16 GiB, of which the system and ECS's agent take some.
    expect(of("MEMORY")).toBeLessThanOrEqual(15_000);
  });

  it("gives gateways a size that Fargate has", () => {
    const { Cpu, Memory } = propertiesOf(root, "Service", "TaskDefinition");
    const gib = Number(Memory) / 1024;
    const vcpus = Number(Cpu) / 1024;
    expect(gib).toBeGreaterThanOrEqual(2 * vcpus);
    expect(gib).toBeLessThanOrEqual(8 * vcpus);
    const { MinCapacity, MaxCapacity } = propertiesOf(root, "Service", "ScalableTarget");
    expect(Number(MinCapacity)).toBeLessThanOrEqual(Number(MaxCapacity));
  });

  it("keeps pictures for longer than their records, and than URLs and uploads hold", () => {
    const { LifecycleConfiguration } = propertiesOf(root, "Data", "Bucket");
    const { Rules } = LifecycleConfiguration as unknown as { Rules: Fields[] };
    const daysOf = (key: string) => {
      const rules = Rules.filter(({ Prefix }) => Prefix !== undefined && key.startsWith(String(Prefix)));
      expect(rules.length, key).toBe(1);
      expect(rules[0]!.Status).toBe("Enabled");
      return Number(rules[0]!.ExpirationInDays);
    };
    const jobId = "0".repeat(32);
    const { config } = readConfig([], {
      ...gatewayContainer(environment).environment,
      STYLIZE_SECRET: jobId,
      STYLIZE_JWT_SECRET: undefined,
      STYLIZE_JWT_PUBLIC_KEY: undefined,
    });
    for (const isPrivate of [true, false]) {
      expect(daysOf(keys.input(isPrivate, jobId, "image/png"))).toBeGreaterThan(config["retention-days"]);
      expect(daysOf(keys.output(isPrivate, jobId))).toBeGreaterThan(config["retention-days"]);
    }
    expect(daysOf(keys.ownStyle(jobId, "image/png"))).toBeGreaterThan(config["retention-days"]);
    const attempts = Number(workerContainer(environment).environment.STYLIZE_ATTEMPTS);
    const { Timeout } = propertiesOf(root, "Compute", "JobDefinition") as Record<string, Fields>;
    const jobSeconds = attempts * Number(Timeout!.AttemptDurationSeconds);
    expect(86_400 * daysOf(keys.checkpoint(jobId))).toBeGreaterThan(jobSeconds + 86_400);
    expect(86_400 * daysOf(keys.preview(jobId))).toBeGreaterThan(urlSeconds);
    expect(86_400 * daysOf(keys.upload(jobId, "image/png"))).toBeGreaterThan(uploadSeconds);
    // Styles stay.
    expect(Rules.filter(({ Prefix = "style/" }) => "style/".startsWith(String(Prefix)))).toMatchObject([
      { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
    ]);
  });

  it("makes passwords and keys that are taken", () => {
    for (const name of ["TokenSecret", "RedisPassword"]) {
      const { GenerateSecretString } = propertiesOf(root, "Data", name) as Record<string, Fields>;
      const { PasswordLength, ExcludePunctuation } = GenerateSecretString!;
      const made = "a".repeat(Number(PasswordLength));
      expect(configTable.secret.schema.safeParse(made).success).toBe(true);
      expect(Number(PasswordLength)).toBeLessThanOrEqual(128); // ElastiCache's most
      expect(ExcludePunctuation).toBe(true);
    }
  });
});

describe("rules of the job definition", () => {
  const { RetryStrategy } = propertiesOf(deployment("production"), "Compute", "JobDefinition") as Record<
    string,
    Fields
  >;
  const rules = RetryStrategy!.EvaluateOnExit as unknown as readonly ExitRule[];
  /** What Batch does after an attempt: the first rule whose conditions all hold, or another attempt where none does. */
  const action = (attempt: { code?: number; reason?: string; statusReason: string }) =>
    rules.find(
      ({ OnExitCode, OnReason, OnStatusReason }) =>
        (OnExitCode === undefined || like(OnExitCode, `${attempt.code ?? ""}`)) &&
        (OnReason === undefined || like(OnReason, attempt.reason ?? "")) &&
        (OnStatusReason === undefined || like(OnStatusReason, attempt.statusReason)),
    )?.Action ?? "RETRY";
  const exited = (code: number) => action({ code, statusReason: "Essential container in task exited" });

  it("try again what may work at the next attempt, and nothing else", () => {
    for (const [name, code] of Object.entries(exitCodes).filter(([name]) => name !== "done"))
      expect(exited(code), name).toBe(code >= 20 && code <= 29 ? "EXIT" : "RETRY");
  });

  it.each([
    ["SIGABRT, as of a driver that gives up", 134],
    ["SIGKILL, as when memory runs out", 137],
    ["SIGSEGV", 139],
    ["SIGTERM", 143],
  ])("try again after %s", (_, code) => {
    expect(exited(code)).toBe("RETRY");
  });

  it("try again when the machine was taken away, whatever the worker said", () => {
    const statusReason = "Host EC2 (instance i-0123456789abcdef0) terminated.";
    for (const code of [undefined, 1, exitCodes.interrupted, 137, 143])
      expect(action({ statusReason, ...(code !== undefined && { code }) })).toBe("RETRY");
  });

  it("end with what nobody named: an image that is not there, a container that can't start", () => {
    const reasons = ["CannotPullContainerError: not found", "CannotStartContainerError: no such file"];
    for (const reason of reasons)
      expect(action({ reason, statusReason: "Task failed to start" })).toBe("EXIT");
    expect(exited(99)).toBe("EXIT");
  });

  it("are of the form that Batch takes", () => {
    expect(rules.length).toBeLessThanOrEqual(5);
    for (const { OnExitCode, OnReason, OnStatusReason, Action } of rules) {
      expect(["RETRY", "EXIT"]).toContain(Action);
      if (OnExitCode !== undefined) expect(OnExitCode).toMatch(/^\d+\*?$/);
      for (const pattern of [OnReason, OnStatusReason])
        if (pattern !== undefined) expect(pattern).toMatch(/^[^*]*\*?$/);
    }
  });
});

describe("the container of the worker", () => {
  it("is started with a job's arguments in their order", () => {
    const names = ["contentKey", "style", "requestId", "options"];
    expect(workerContainer("production").properties.Command).toEqual(names.map((name) => `Ref::${name}`));
    const { Parameters } = propertiesOf(deployment("production"), "Compute", "JobDefinition");
    expect(JSON.parse(String((Parameters as Fields).options))).toEqual({});
  });
});
