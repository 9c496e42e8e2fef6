/** What SQS does on a bad day: a server in front of it that fails, stalls or answers as it is told. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test, vi } from "vitest";
import { SqsMessageQueue } from "./sqs-message-queue.ts";
import { startSqs } from "./testing/sqs.ts";

type Fault = "stall" | { readonly status: number; readonly body: unknown };
interface Asked {
  readonly action: string;
  readonly at: number;
}

/** SQS behind a server that asks `fault` what to do with each request; undefined passes it on. */
async function startFaulty(fault: (action: string, request: number) => Fault | undefined) {
  const sqs = await startSqs("results");
  const { queueUrl, endpoint, region, credentials } = sqs.queues[0]!.options;
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const action = String(request.headers["x-amz-target"]).replace("AmazonSQS.", "");
    asked.push({ action, at: performance.now() });
    const ordered = fault(action, asked.length);
    if (ordered === "stall") return;
    const headers = { "content-type": "application/x-amz-json-1.0" };
    if (ordered) return void response.writeHead(ordered.status, headers).end(JSON.stringify(ordered.body));
    const { authorization = "" } = request.headers;
    const target = { "x-amz-target": `AmazonSQS.${action}`, authorization, ...headers };
    const answer = await fetch(endpoint, {
      method: "POST",
      headers: target,
      body: await text(request),
    }).catch(() => undefined);
    response.writeHead(answer?.status ?? 502, headers).end(await answer?.text());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked,
    left: sqs.queues[0]!.left,
    options: {
      queueUrl,
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region,
      credentials,
      callSeconds: 2,
      retryMs: 0,
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await sqs[Symbol.asyncDispose]();
    },
  };
}

const failure = { status: 500, body: { __type: "com.amazonaws.sqs#InternalError", message: "oh no" } };
const soon = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 20 });

test("a server that never answers neither hangs stop nor publish", async () => {
  await using sqs = await startFaulty(() => "stall");
  const queue = new SqsMessageQueue(sqs.options);
  const receiver = queue.receive(async () => {});
  await soon(() => expect(sqs.asked.length).toBe(1));
  const begun = performance.now();
  await receiver.stop();
  expect(performance.now() - begun).toBeLessThan(10_000);
  for (const call of [queue.publish("x"), queue.depth(), queue.check()]) {
    await expect(call).rejects.toMatchObject({
      name: "StoreError",
      retryable: true,
      message: expect.stringMatching(/^Expected SQS to .* but received no answer within 2 s$/),
    });
  }
});

test("a server that stalls after a message was handled does not hang stop", async () => {
  await using sqs = await startFaulty((action) =>
    action === "DeleteMessageBatch" || action === "ChangeMessageVisibility" ? "stall" : undefined,
  );
  const errors: unknown[] = [];
  const queue = new SqsMessageQueue({ ...sqs.options, onError: (error) => errors.push(error) });
  await queue.publish("handled");
  let handled = 0;
  const receiver = queue.receive(async () => {
    handled++;
  });
  await soon(() => expect(handled).toBe(1));
  await receiver.stop();
  expect(errors.length).toBe(2);
  expect(sqs.left()).toBe(1);
});

test("errors are told, followed by a wait, and the messages come once it works again", async () => {
  await using sqs = await startFaulty((action, n) =>
    action === "ReceiveMessage" && n <= 7 ? failure : undefined,
  );
  const errors: unknown[] = [];
  const queue = new SqsMessageQueue({ ...sqs.options, onError: (error) => errors.push(error) });
  const got: string[] = [];
  const receiver = queue.receive(async (body) => void got.push(body));
  await soon(() => expect(errors.length).toBeGreaterThanOrEqual(2));
  await queue.publish("late");
  await soon(() => expect(got).toEqual(["late"]));
  await receiver.stop();
  expect(errors[0]).toMatchObject({ name: "StoreError", retryable: true });
  // The client itself asks three times.
  const [, , third, fourth] = sqs.asked;
  expect(fourth!.at - third!.at).toBeGreaterThan(200);
});

test("a delete that SQS refuses is told, and the message comes again", async () => {
  let refused = 0;
  await using sqs = await startFaulty((action) => {
    if (action !== "DeleteMessageBatch" || refused++ > 0) return undefined;
    const Failed = [{ Id: "0", Code: "InternalError", Message: "oh no", SenderFault: false }];
    return { status: 200, body: { Failed, Successful: [] } };
  });
  const errors: unknown[] = [];
  const queue = new SqsMessageQueue({ ...sqs.options, onError: (error) => errors.push(error) });
  await queue.publish("twice");
  let handled = 0;
  const receiver = queue.receive(async () => {
    handled++;
  });
  await soon(() => expect(sqs.left()).toBe(0));
  await receiver.stop();
  expect(handled).toBe(2);
  expect(errors).toMatchObject([{ message: expect.stringContaining("InternalError") }]);
});

test("a queue that is not there, or not ours, is no error to try again", async () => {
  await using sqs = await startFaulty(() => undefined);
  const queue = new SqsMessageQueue({ ...sqs.options, queueUrl: `${sqs.options.queueUrl}-not` });
  await expect(queue.check()).rejects.toMatchObject({ name: "StoreError", retryable: false });
});
