/**
 * What an account has once the templates have been deployed: roles, bucket, queues, Batch, and the rule between Batch
 * and the queue.
 */
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { testPicture, testStyles } from "../../../gateway/testing/service.ts";
import { keys } from "../../../protocol/protocol.ts";
import { S3ObjectStore } from "../../../stores/s3-object-store.ts";
import type { ExitRule } from "../../../stores/testing/batch-jobs.ts";
import type { Fauxqs } from "../../../stores/testing/s3.ts";
import { nodeArguments } from "../../../tests/programs.ts";
import { deployment, workerContainer } from "../deployment.ts";
import type { EnvironmentName } from "../parameters.ts";
import { roleStatements, statementsOf } from "../policies.ts";
import { type Fields, isFields, type Value } from "../templates.ts";
import type { Caller } from "./aws.ts";

export function callerOf(
  accessKey: string,
  environment: EnvironmentName,
  stack: string,
  role: string,
): Caller {
  const { Properties } = deployment(environment).nested(stack).resource(role);
  return { accessKey, statements: roleStatements({ Properties }) };
}

/** What the bucket's policy lets CloudFront do. */
export function cloudFrontStatements(environment: EnvironmentName) {
  const { Properties } = deployment(environment).nested("Data").resource("BucketPolicy");
  return statementsOf(Properties.PolicyDocument as Fields).filter(
    ({ principal }) => isFields(principal) && principal.Service === "cloudfront.amazonaws.com",
  );
}

const nameOf = (url: Value) => String(url).replace(/^.*\//, "");

/** Makes bucket and queues, and puts styles into the bucket. The queue's address in the stand-in. */
export async function fill(environment: EnvironmentName, fauxqs: Fauxqs): Promise<string> {
  const root = deployment(environment);
  fauxqs.server.createBucket(String(root.output("BucketName")));
  const { queueArn } = fauxqs.server.createQueue(nameOf(root.output("DeadLetterQueueUrl")));
  const { RedrivePolicy, VisibilityTimeout } = root.nested("Data").resource("NewsQueue").Properties;
  const { maxReceiveCount } = RedrivePolicy as Fields;
  const { queueUrl } = fauxqs.server.createQueue(nameOf(root.output("NewsQueueUrl")), {
    attributes: {
      VisibilityTimeout: String(VisibilityTimeout),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn, maxReceiveCount }),
    },
  });
  const objects = storeOf(environment, fauxqs);
  const picture = await testPicture("navy");
  for (const name of [...testStyles, "painted.jpg"])
    await objects.put(keys.style(name), picture, { contentType: "image/jpeg" });
  return queueUrl;
}

export function storeOf(
  environment: EnvironmentName,
  { endpoint, region, credentials }: Fauxqs,
): S3ObjectStore {
  const bucket = String(deployment(environment).output("BucketName"));
  return new S3ObjectStore({ bucket, endpoint, region, credentials });
}

export async function send(fauxqs: Fauxqs, QueueUrl: string, body: string): Promise<void> {
  const { endpoint, region, credentials } = fauxqs;
  const client = new SQSClient({ endpoint, region, credentials });
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
  client.destroy();
}

/** The job queue and the job definition of the templates, with the rule that tells gateways of jobs that failed. */
export function batchOptions(
  environment: EnvironmentName,
  env: NodeJS.ProcessEnv,
  tell: (event: object) => void,
) {
  const root = deployment(environment);
  const compute = root.nested("Compute");
  const { RetryStrategy } = compute.resource("JobDefinition").Properties;
  const { Attempts, EvaluateOnExit } = RetryStrategy as Fields;
  const { EventPattern } = compute.resource("JobFailedRule").Properties;
  const { Command } = workerContainer(environment).properties;
  return {
    jobQueue: String(root.output("JobQueueArn")),
    jobDefinition: String(root.output("JobDefinitionArn")),
    command: [process.execPath, ...nodeArguments(".aws/tests/testing/worker.ts"), ...(Command as string[])],
    env,
    concurrency: 2,
    attempts: Number(Attempts),
    evaluateOnExit: (EvaluateOnExit as unknown as readonly Fields[]).map(
      (rule) =>
        Object.fromEntries(
          Object.entries(rule).map(([name, value]) => [name[0]!.toLowerCase() + name.slice(1), value]),
        ) as unknown as ExitRule,
    ),
    onEvent: (event: object) => {
      if (matchesPattern(EventPattern!, event as Value)) tell(event);
    },
  };
}

/** Whether EventBridge takes an event: each field of the pattern is there, with one of the values. */
function matchesPattern(pattern: Value, event: Value | undefined): boolean {
  if (Array.isArray(pattern)) return pattern.includes(event);
  return Object.entries(pattern as Fields).every(
    ([name, part]) => isFields(event) && matchesPattern(part, event[name]),
  );
}
