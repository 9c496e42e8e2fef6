/**
 * Gateway and worker as the templates start them, against stand-ins for AWS that allow what the roles allow: whole
 * rounds, and nothing left over.
 */

import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceClient, StyleRequest } from "../../client/index.ts";
import { openContext } from "../../engine/node.ts";
import { until } from "../../gateway/testing/client.ts";
import { testPicture } from "../../gateway/testing/service.ts";
import { exitCodes } from "../../protocol/exit-codes.ts";
import { opensslMissing, redisMissing } from "../../stores/testing/redis.ts";
import { deployment, gatewayContainer } from "./deployment.ts";
import { takes } from "./log-filters.ts";
import type { Fields } from "./templates.ts";
import { TestDeployment } from "./testing/deployment.ts";

const environment = "production";
const missing = redisMissing ?? opensslMissing;
const url = String(deployment(environment).output("Url"));

describe.skipIf(missing)(`an environment${missing ? `: ${missing}` : ""}`, () => {
  let service: TestDeployment;
  let image: Blob;
  beforeAll(async () => {
    service = await TestDeployment.start(environment);
    image = new Blob([await testPicture("teal")], { type: "image/jpeg" });
  });
  afterAll(() => service?.[Symbol.asyncDispose]());

  const request = (more: Partial<StyleRequest> = {}): StyleRequest => ({
    image,
    style: "works.jpg",
    isPrivate: false,
    ...more,
  });
  const batchJob = (jobId: string) =>
    [...service.batch.jobs.jobs.values()].find(({ tags }) => tags.jobId === jobId)!;
  const round = async (client: ServiceClient, more: Partial<StyleRequest> = {}) => {
    const job = await client.transferStyle(request(more));
    return { job, view: await client.finished(job) };
  };

  it("tells its pages where pictures lie, and asks for a login", async () => {
    const site = await (await fetch(`${service.url}/site.json`)).json();
    const { STYLIZE_MAX_SIZE } = gatewayContainer(environment).environment;
    expect(site).toMatchObject({ needsLogin: true, maxSize: Number(STYLIZE_MAX_SIZE) });
    const health = await fetch(`${service.url}/healthz`);
    expect(health.status).toBe(200);
  });

  it("paints a public picture, which CloudFront shows", async () => {
    const client = await service.client("public");
    const { styles } = await client.listStyles();
    expect(styles.map(({ name }) => name)).toContain("painted.jpg");
    const { job, view } = await round(client);
    expect(view).toMatchObject({ status: "succeeded", result: `${url}/public/output/${job.jobId}.png` });
    const picture = await service.cloudFront(view.result!);
    expect(await sharp(await picture.arrayBuffer()).metadata()).toMatchObject({ format: "png", width: 64 });
    expect((await service.cloudFront(view.content!)).status).toBe(200);
    expect((await service.cloudFront(styles[0]!.url)).status).toBe(200);
    expect((await client.listImages()).images.map(({ jobId }) => jobId)).toEqual([job.jobId]);
    await client.remove(job);
    expect((await service.cloudFront(view.result!)).status).not.toBe(200);
  });

  it("paints a private picture in the client's own style, on two machines, for the client alone", async () => {
    const client = await service.client("private");
    using context = await openContext();
    const options = context.isSoftware ? { size: 40, steps: 40 } : { size: 512, steps: 300 }; // some seconds
    const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
    const [width, height] = [2 * options.size, 2 * options.size];
    const create = { width, height, channels: 3, background: "black", noise } as const;
    const large = new Blob([await sharp({ create }).png().toBuffer()], { type: "image/png" });
    const job = await client.transferStyle(request({ image: large, style: large, isPrivate: true, options }));
    expect([...service.door.allowed].join("\n")).toMatch(/GATEWAY s3:PutObject \S+\/private\/upload\//);
    let reclaimed = false;
    const view = await client.finished(job, {
      onChange: ({ step = 0 }) => {
        if (step > 0 && !reclaimed) reclaimed = service.batch.jobs.reclaim(batchJob(job.jobId).jobId);
      },
    });
    expect(reclaimed).toBe(true);
    expect(view.status).toBe("succeeded");
    const { attempts } = batchJob(job.jobId);
    await until(() => attempts.length === 2, "the end of the worker");
    expect(attempts.map(({ container }) => container.exitCode)).toEqual([
      exitCodes.interrupted,
      exitCodes.done,
    ]);
    for (const signed of [view.result!, view.content!]) {
      expect(new URL(signed).searchParams.get("X-Amz-Credential")).toMatch(/^GATEWAY\//);
      expect((await fetch(signed)).status).toBe(200);
      const { pathname } = new URL(signed);
      expect((await service.cloudFront(`${url}${pathname.replace(/^\/[^/]+/, "")}`)).status).toBe(403);
    }
    await client.remove(job);
    for (const signed of [view.result!, view.content!]) expect((await fetch(signed)).status).toBe(404);
    const left = await service.objects.list("private/", { limit: 100 });
    expect(left.objects.map(({ key }) => key)).toEqual([]);
  });

  it("shows a preview, and ends a job that is cancelled", async () => {
    const client = await service.client("cancelled");
    const job = await client.transferStyle(request({ style: "waits.jpg" }));
    let preview: string | undefined;
    const stop = client.follow(job, (view) => {
      preview ??= view.preview;
    });
    await until(() => preview !== undefined, "a preview");
    stop();
    expect((await fetch(preview!)).status).toBe(200);
    expect((await client.cancel(job)).status).toBe("cancelled");
    await until(() => batchJob(job.jobId).status === "FAILED", "the end of the job");
    expect(batchJob(job.jobId).isTerminated).toBe(true);
  });

  it("stops a worker that has begun to read its pictures", async () => {
    const client = await service.client("stopped");
    const job = await client.transferStyle(request({ style: "painted.jpg" }));
    const hasRead = /^WORKER s3:GetObject \S+\/style\/painted\.jpg$/m;
    await until(() => hasRead.test([...service.door.allowed].join("\n")), "a worker that reads its style");
    await client.cancel(job);
    const { attempts } = batchJob(job.jobId);
    await until(() => attempts.length === 1, "the end of the worker", 120_000); // it may be compiling shaders
    expect(attempts[0]!.container.exitCode).toBe(exitCodes.interrupted);
  });

  it("hears of results and failures that nobody told of", async () => {
    const client = await service.client("silent");
    const [silent, crashed] = await Promise.all([
      round(client, { style: "silent.jpg" }),
      round(client, { style: "crashes.jpg" }),
    ]);
    expect(silent.view.status).toBe("succeeded");
    expect(crashed.view).toMatchObject({ status: "failed", failure: { code: "internal" } });
    expect(batchJob(crashed.job.jobId).attempts).toHaveLength(3);
  });

  it("puts aside what is no news, and goes on", async () => {
    await service.publish("no news");
    const isGivenBack = () =>
      [...service.door.allowed].some((line) => line.includes("sqs:ChangeMessageVisibility"));
    await until(isGivenBack, "a message that was given back");
    const { view } = await round(await service.client("after"));
    expect(view.status).toBe("succeeded");
  });

  it("stops within its time", async () => {
    expect(await service.stop()).toBe(0);
  });

  it("was forbidden nothing but what CloudFront must not see, and was granted nothing that it has no use for", () => {
    const { door, callers } = service;
    expect(door.denied.filter((line) => !line.startsWith(" s3:"))).toEqual([]);
    expect(door.unused(callers.gateway)).toEqual([]);
    expect(door.unused(callers.worker)).toEqual([]);
  });

  it("logged the lines that its metrics are made of", () => {
    const group = deployment(environment).nested("Service").output("LogGroupName");
    const filters = deployment(environment).nested("Alarms").ofType("AWS::Logs::MetricFilter");
    const countOf = Object.fromEntries(
      filters
        .filter(({ Properties }) => Properties.LogGroupName === group)
        .map(({ Properties }) => {
          const [{ MetricName, MetricValue }] = Properties.MetricTransformations as unknown as [Fields];
          const taken = service.log.filter((line) => takes(String(Properties.FilterPattern), line));
          const field = /^\$\.(\w+)$/.exec(String(MetricValue))?.[1];
          for (const line of taken) if (field) expect(typeof JSON.parse(line)[field]).toBe("number");
          return [MetricName, taken.length];
        }),
    );
    expect(countOf).toEqual({
      OldestQueuedSeconds: expect.any(Number),
      JobsSucceeded: 4,
      JobsFailed: 1,
      GatewayErrors: expect.any(Number),
    });
    expect(countOf.OldestQueuedSeconds).toBeGreaterThan(0);
  });
});
