/**
 * Roles may do what the code asks of AWS, no more and no less; what else may be done by whom is bound to its source.
 */
import { describe, expect, it } from "vitest";
import { deployed, deployment } from "./deployment.ts";
import { environments } from "./parameters.ts";
import { roleStatements, type Statement, statementsOf } from "./policies.ts";
import { allCommands, onOneMachineOnly, sdkCommands, storeCalls } from "./programs.ts";
import type { Fields } from "./templates.ts";

/** What each command needs. S3 says of an object that isn't there that it is forbidden, unless one may list. */
const neededActions: Readonly<Record<string, readonly string[]>> = {
  ChangeMessageVisibilityCommand: ["sqs:ChangeMessageVisibility"],
  CopyObjectCommand: ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
  DeleteMessageBatchCommand: ["sqs:DeleteMessage"],
  DeleteObjectCommand: ["s3:DeleteObject"],
  DescribeJobQueuesCommand: ["batch:DescribeJobQueues"],
  DescribeJobsCommand: ["batch:DescribeJobs"],
  GetObjectCommand: ["s3:GetObject", "s3:ListBucket"],
  GetQueueAttributesCommand: ["sqs:GetQueueAttributes"],
  HeadBucketCommand: ["s3:ListBucket"],
  HeadObjectCommand: ["s3:GetObject", "s3:ListBucket"],
  ListObjectsV2Command: ["s3:ListBucket"],
  PutObjectCommand: ["s3:PutObject"],
  ReceiveMessageCommand: ["sqs:ReceiveMessage"],
  SendMessageCommand: ["sqs:SendMessage"],
  // With tags.
  SubmitJobCommand: ["batch:SubmitJob", "batch:TagResource"],
  TerminateJobCommand: ["batch:TerminateJob"],
};

/** Actions that know no single resource. */
const withoutResource = [
  "batch:DescribeJobQueues",
  "batch:DescribeJobs",
  "ec2:DescribeTags",
  "ecr:GetAuthorizationToken",
  "ecs:DiscoverPollEndpoint",
];

const sorted = (items: Iterable<string>) => [...new Set(items)].sort();
const actionsOf = (statements: readonly Statement[]) => sorted(statements.flatMap(({ actions }) => actions));

const programs = [
  { name: "the gateway", main: "gateway/main.ts", stack: "Service", role: "TaskRole" },
  { name: "the worker", main: "worker/main.ts", stack: "Compute", role: "JobRole" },
] as const;

const actionsNeededBy = (main: string) =>
  sorted(
    sdkCommands(main).flatMap((command) => {
      const actions = neededActions[command];
      if (actions === undefined)
        throw new Error(`Expected a command of which the actions are known but received ${command}.`);
      return actions;
    }),
  );
const statementsIn = (stack: string, role: string) =>
  roleStatements(deployment("production").nested(stack).resource(role));

describe.each(programs)("$name", ({ main, stack, role }) => {
  it("may do what it asks for, and nothing else", () => {
    expect(actionsOf(statementsIn(stack, role))).toEqual(actionsNeededBy(main));
  });

  it("asks for what is known", () => {
    for (const command of allCommands(main)) expect(Object.keys(neededActions)).toContain(command);
    expect(sdkCommands(main).length).toBeGreaterThan(3);
    expect(allCommands(main)).toEqual(expect.arrayContaining(sdkCommands(main)));
  });
});

it("calls that are made on one machine only are still there", () => {
  const calls = storeCalls("gateway/main.ts").map(({ file, call }) => `${file} ${call}`);
  for (const { file, call } of onOneMachineOnly) expect(calls).toContain(`${file} ${call}`);
});

describe("ways out of the network", () => {
  const network = deployment("production").nested("Network");
  const needed = programs.flatMap(({ main }) => actionsNeededBy(main));
  const execution = [
    ...statementsIn("Service", "ExecutionRole"),
    ...statementsIn("Compute", "ExecutionRole"),
  ].flatMap(({ actions }) => actions);
  const all = [...needed, ...execution];
  const of = (service: string) => sorted(all.filter((action) => action.startsWith(`${service}:`)));

  it.each([
    ["S3Endpoint", "s3"],
    ["SqsEndpoint", "sqs"],
    ["BatchEndpoint", "batch"],
    ["SecretsEndpoint", "secretsmanager"],
    ["LogsEndpoint", "logs"],
    ["RegistryApiEndpoint", "ecr"],
    ["RegistryEndpoint", "ecr"],
  ])("%s lets through what gateways and workers ask for, and nothing else", (name, service) => {
    const document = network.resource(name).Properties.PolicyDocument as Fields;
    expect(actionsOf(statementsOf(document))).toEqual(of(service));
  });

  it("are there for each service that is asked for", () => {
    const endpoints = network.ofType("AWS::EC2::VPCEndpoint").map(({ Properties }) => Properties.ServiceName);
    const services = sorted(all.map((action) => action.split(":")[0]!));
    for (const service of services.filter((each) => each !== "ecr"))
      expect(endpoints).toContain(`com.amazonaws.us-east-1.${service}`);
    for (const name of ["ecr.api", "ecr.dkr"]) expect(endpoints).toContain(`com.amazonaws.us-east-1.${name}`);
  });
});

describe.each(environments)("roles of %s", (environment) => {
  const roles = deployed(environment).filter(({ Type }) => Type === "AWS::IAM::Role");

  it("allow single actions, on single resources where the action knows any", () => {
    expect(roles.length).toBeGreaterThan(5);
    for (const role of roles) {
      for (const { actions, resources, effect } of roleStatements(role)) {
        expect(effect).toBe("Allow");
        for (const action of actions) {
          expect(action).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
          const isAny = resources.includes("*");
          expect(isAny, `${role.name}: ${action} on ${resources}`).toBe(withoutResource.includes(action));
        }
        for (const resource of resources)
          expect(resource, role.name).toMatch(/^(\*|arn:aws:[a-z0-9-]+:[^:*]*:[^:*]*:[^*].*)$/);
      }
    }
  });

  it("have no policies but their own", () => {
    for (const { Properties } of roles) {
      expect(Properties).not.toHaveProperty("ManagedPolicyArns");
      expect(Properties).not.toHaveProperty("PermissionsBoundary");
    }
    const others = ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::User", "AWS::IAM::Group"];
    expect(deployed(environment).filter(({ Type }) => others.includes(Type))).toEqual([]);
  });

  it("are taken on by one service each, of this account", () => {
    for (const { name, Properties } of roles) {
      const [statement, ...more] = statementsOf(Properties.AssumeRolePolicyDocument as Fields);
      expect(more).toEqual([]);
      expect(statement).toMatchObject({ effect: "Allow", actions: ["sts:AssumeRole"] });
      const { Service } = statement!.principal as Fields;
      expect(Service).toMatch(/^[a-z0-9-]+\.amazonaws\.com$/);
      // EC2 sends no source.
      if (Service !== "ec2.amazonaws.com")
        expect(statement!.condition, name).toMatchObject({
          StringEquals: { "aws:SourceAccount": "123456789012" },
        });
    }
  });
});

describe.each(environments)("policies of resources in %s", (environment) => {
  const resources = deployed(environment);
  const documents = resources.flatMap(({ name, Properties }) =>
    [Properties.PolicyDocument, Properties.KeyPolicy]
      .filter((document) => document !== undefined)
      .map((document) => ({ name, statements: statementsOf(document as Fields) })),
  );

  it("allow services what they need, bound to this account", () => {
    for (const { name, statements } of documents) {
      for (const { effect, principal, actions, condition, sid } of statements) {
        if (effect === "Deny" || principal === "*") continue;
        const where = `${name} ${sid}`;
        if ((principal as Fields).AWS !== undefined) {
          // The account's own administrators: without them nobody could change the key.
          expect(where).toBe("Key Account");
          continue;
        }
        for (const action of actions) expect(action, where).not.toContain("*");
        expect(JSON.stringify(condition), where).toMatch(
          /"aws:Source(Account|Arn)":"(arn:aws:[^"]*)?123456789012/,
        );
      }
    }
  });

  it("allow everybody nothing, but for endpoints, which only narrow what roles allow", () => {
    const endpoints = resources.filter(({ Type }) => Type === "AWS::EC2::VPCEndpoint");
    const names = new Set(endpoints.map(({ name }) => name));
    const open = documents.filter(({ statements }) =>
      statements.some(({ effect, principal }) => effect === "Allow" && principal === "*"),
    );
    expect(open.filter(({ name }) => !names.has(name))).toEqual([]);
  });

  it("let EventBridge send to the queues for the one rule alone", () => {
    const compute = deployment(environment).nested("Compute").resource("JobFailedRule").Properties;
    const arn = `arn:aws:events:us-east-1:123456789012:rule/${compute.Name}`;
    for (const name of ["QueuePolicy", "DeadLetterQueuePolicy"]) {
      const { statements } = documents.find((each) => each.name === name)!;
      const allowed = statements.filter(({ effect }) => effect === "Allow");
      expect(allowed).toMatchObject([
        { actions: ["sqs:SendMessage"], condition: { ArnEquals: { "aws:SourceArn": arn } } },
      ]);
    }
  });
});
