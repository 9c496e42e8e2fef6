/** A job that is followed by its id through all parts, with Redis and the real worker. */
import { expect, it } from "vitest";
import { redisMissing, startRedis } from "../stores/testing/redis.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestMachine } from "./testing/machine.ts";
import type { GatewayProcess } from "./testing/process.ts";

const machine = new TestMachine();
const secret = "the secret of this test's tokens, which is nobody's";

/** Does a job, and gives what was written on standard error meanwhile. */
async function traced(flags: readonly string[], env: NodeJS.ProcessEnv) {
  await using gateway = await machine.start(["--secret", secret, ...flags], env);
  using client = await Follower.connect(gateway.port);
  const request = { image: machine.image, style: "works.jpg", isPrivate: true, options: { steps: 2 } };
  const job = await client.start(request);
  const { result } = (await client.next(`TRANSFER_STYLE_COMPLETED::${job.jobId}`)) as { result: string };
  await until(() => machine.workers.running().length === 0, "the end of the worker");
  return { job, result, lines: await written(gateway) };
}

async function written(gateway: GatewayProcess): Promise<readonly string[]> {
  await gateway.kill("SIGTERM");
  return gateway.lines;
}

const gatewayParts = ["requests", "jobs", "news", "delivery", "reconciler", "workers"].map(
  (name) => `gateway:${name}`,
);
const storeParts = ["queue", "messages", "objects"].map((name) => `stores:${name}`);

it.skipIf(redisMissing)("is in the traces of each, which hold no secrets", async () => {
  await using server = await startRedis({ password: "not to be told" });
  const flags = ["--redis", server.url, "--weights", "generated"];
  const env = { TEST_WORKER: "worker/main.ts", DEBUG: "stylize:*" };
  const { job, result, lines } = await traced(flags, env);
  for (const part of [...gatewayParts, ...storeParts, "stores:redis", "worker:job"]) {
    const own = lines.filter((line) => line.includes(` stylize:${part} ${job.jobId} `));
    expect(own, part).not.toEqual([]);
  }
  const all = lines.join("\n");
  const signature = new URL(result).searchParams.get("signature")!;
  for (const hidden of [job.token, secret, "not to be told", signature, "signature="])
    expect(all.includes(hidden), hidden).toBe(false);
});

it("is in the traces of the records of one machine", async () => {
  const { job, lines } = await traced([], { DEBUG: "stylize:stores:jobs" });
  expect(lines.filter((line) => line.includes(` stylize:stores:jobs ${job.jobId} `))).not.toEqual([]);
  expect(lines.filter((line) => /stylize:(?!stores:jobs)/.test(line))).toEqual([]);
});

it("is traced by nothing where nobody asks", async () => {
  const { job, lines } = await traced([], { DEBUG: "" });
  expect(lines.filter((line) => line.includes("stylize:"))).toEqual([]);
  expect(lines.every((line) => line.startsWith("{"))).toBe(true);
  expect(lines.some((line) => line.includes(job.jobId))).toBe(true); // the log's
});
