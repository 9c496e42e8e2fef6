/**
 * Whole jobs in this process: real stores in a folder, the real engine on whatever adapter there is, small pictures.
 */
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuContext } from "../engine/gpu/context.ts";
import { openContext } from "../engine/node.ts";
import { jobIdOf, keys, type WorkerJob } from "../protocol/protocol.ts";
import type { Publisher } from "../stores/message-queue.ts";
import { StoreError } from "../stores/object-store.ts";
import { quarter, seededNetwork } from "../tests/seeded-network.ts";
import { parseConfig } from "./config.ts";
import { type JobDeps, runJob } from "./job.ts";
import { createLog } from "./process.ts";
import { badPictures, picture, TestService } from "./testing/service.ts";

const network = seededNetwork(quarter);
const small = { size: 40, steps: 6 } as const;
let context: GpuContext;
let service: TestService;
let logged: string[];

beforeAll(async () => {
  context = await openContext({ giveWay: true });
  service = await TestService.open();
});
afterAll(async () => {
  context[Symbol.dispose]();
  await service[Symbol.asyncDispose]();
});

function run(job: WorkerJob, changes: Partial<JobDeps> = {}) {
  const { objects, queue: publisher, env } = service;
  logged = [];
  const log = createLog("info", { write: (line) => void logged.push(line) });
  const { limits } = parseConfig(env);
  let now = Date.now();
  const clock = () => (now += 600); // so that messages and previews are due in so few steps
  const { signal } = new AbortController();
  const tuning = { read: async () => undefined, write: async () => {} };
  const deps: JobDeps = { objects, publisher, context, network, tuning, limits, clock, signal, log };
  return runJob(job, { ...deps, ...changes });
}

/** The service's queue, but for what `change` does to progress. */
function publisherWith(progress: (step: number) => Promise<void> | void): Publisher {
  return {
    async publish(body) {
      const message = JSON.parse(body);
      if (message.progress) await progress(message.progress.step);
      await service.queue.publish(body);
    },
  };
}

const outputKey = (job: WorkerJob) => keys.output(true, jobIdOf(job.requestId));
const failing = () => {
  throw new StoreError("Expected an answer but received none.", { retryable: true });
};

describe("a job", () => {
  it("ends with a result and the news of it, progress and a preview on the way", async () => {
    const job = await service.job(await picture(6, 270, 36), { steps: 40 });
    expect(await run(job)).toBe("done");
    const result = await service.objects.get(outputKey(job));
    expect(result?.contentType).toBe("image/png");
    expect(await sharp(result!.body).metadata()).toMatchObject({ format: "png", width: 270, height: 36 });
    const thumbnail = await service.objects.get(keys.thumbnail(true, jobIdOf(job.requestId)));
    expect(await sharp(thumbnail!.body).metadata()).toMatchObject({ format: "jpeg", width: 270, height: 36 });
    await service.settled();
    expect(service.endsOf(job)).toEqual([{ requestId: job.requestId, resultKey: outputKey(job) }]);
    const progress = service.of(job).flatMap((message) => ("progress" in message ? [message.progress] : []));
    expect(progress.length).toBeGreaterThan(3);
    expect(progress.map(({ at }) => at)).toEqual(progress.map(({ at }) => at).toSorted((a, b) => a - b));
    const losses = progress.map(({ loss }) => loss!);
    expect(Math.min(...losses)).toBeLessThan(losses[0]!); // some steps go too far
    const previewKey = keys.preview(jobIdOf(job.requestId));
    expect(progress.at(-1)).toMatchObject({ total: 40, previewKey });
    const preview = await service.objects.get(previewKey);
    expect(await sharp(preview!.body).metadata()).toMatchObject({ format: "jpeg", width: 256, height: 34 });
  });

  it("whose result is there only tells of it", async () => {
    const job = await service.job(undefined, small);
    await service.objects.put(outputKey(job), await picture(9, 32, 32), { contentType: "image/png" });
    const before = await service.objects.get(outputKey(job));
    expect(await run(job)).toBe("done");
    await service.settled();
    expect(service.of(job)).toEqual([{ requestId: job.requestId, resultKey: outputKey(job) }]);
    expect(await service.objects.get(outputKey(job))).toEqual(before);
  });

  it("turns the picture as its EXIF says, drops that, keeps transparency and enlarges nothing", async () => {
    const upright = sharp(Buffer.from(await picture(2, 60, 40))).ensureAlpha(0.5);
    const exif = { IFD0: { Copyright: "Jane Doe" } };
    const content = await upright.withExif(exif).withMetadata({ orientation: 6 }).png().toBuffer();
    const job = await service.job(content, { size: 500, steps: 1 });
    expect(await run(job)).toBe("done");
    const { body } = (await service.objects.get(outputKey(job)))!;
    const metadata = await sharp(body).metadata();
    expect(metadata).toMatchObject({ width: 40, height: 60, channels: 4 });
    expect([metadata.exif, metadata.orientation]).toEqual([undefined, undefined]);
    expect(Buffer.from(body).includes("Jane Doe")).toBe(false);
  });

  it("is no larger than the limit, that of software where it is one", async () => {
    const job = await service.job(await picture(3, 64, 64), { steps: 1 });
    const { limits } = parseConfig({
      ...service.env,
      STYLIZE_MAX_SIZE: "44",
      STYLIZE_MAX_SIZE_SOFTWARE: "36",
    });
    expect(await run(job, { limits })).toBe("done");
    const { body } = (await service.objects.get(outputKey(job)))!;
    expect((await sharp(body).metadata()).width).toBe(context.family === "cpu" ? 36 : 44);
  });
});

describe("a job that is stopped", () => {
  it("leaves a checkpoint and no news of an end; the next attempt goes on from there", async () => {
    const job = await service.job(await picture(5, 48, 48), { size: 48, steps: 20 });
    const controller = new AbortController();
    const publisher = publisherWith((step) => {
      if (step >= 6) controller.abort();
    });
    expect(await run(job, { publisher, signal: controller.signal })).toBe("interrupted");
    await service.settled();
    expect(service.endsOf(job)).toEqual([]);
    const key = keys.checkpoint(jobIdOf(job.requestId));
    expect(await service.keysUnder("private/checkpoint/")).toEqual([key]);
    const first = service.stepsOf(job);
    const losses = () =>
      service.of(job).flatMap((message) => ("progress" in message ? message.progress.loss! : []));
    const lossesOfFirst = losses();
    expect(first.at(-1)).toBeLessThan(20);

    expect(await run(job)).toBe("done");
    await service.settled();
    const second = service.stepsOf(job).slice(first.length);
    const { from } = JSON.parse(logged[0]!);
    expect(from).toEqual([0, expect.toSatisfy((step) => step >= first.at(-1)! && step < 20)]);
    expect(second[0]).toBeGreaterThan(from[1]);
    expect(losses().at(-1)).toBeLessThan(lossesOfFirst.at(-1)!);
    expect(service.endsOf(job)).toEqual([{ requestId: job.requestId, resultKey: outputKey(job) }]);
    expect(await service.keysUnder("private/checkpoint/")).toEqual([]);
  });

  it("begins anew when its checkpoint is another run's", async () => {
    const job = await service.job(await picture(6, 40, 40), small);
    const controller = new AbortController();
    const publisher = publisherWith((step) => void (step >= 2 && controller.abort()));
    expect(await run(job, { publisher, signal: controller.signal })).toBe("interrupted");
    await service.settled();
    const before = service.stepsOf(job).length;
    expect(await run({ ...job, options: { ...small, strength: "bold" } })).toBe("done");
    await service.settled();
    expect(service.stepsOf(job)[before]).toBe(1);
    expect(logged.join("")).toMatch(/checkpoint was left alone/);
  });
});

describe("a job that can't be done", () => {
  it("says what is wrong with its pictures, and no more", async () => {
    for (const [what, make] of Object.entries(badPictures)) {
      const bytes = await make();
      const content = await service.job(bytes, small);
      expect([what, await run(content)]).toEqual([what, "bad-input"]);
      const ownStyle = await service.job(await picture(1, 40, 40), small);
      const styleKey = keys.ownStyle(jobIdOf(ownStyle.requestId), "image/png");
      await service.objects.put(styleKey, bytes, { contentType: "image/png" });
      expect([what, await run({ ...ownStyle, style: styleKey })]).toEqual([what, "bad-input"]);
      await service.settled();
      expect(service.of(content)).toEqual([{ requestId: content.requestId, failure: "bad-content" }]);
      expect(service.of(ownStyle)).toEqual([{ requestId: ownStyle.requestId, failure: "bad-style" }]);
    }
  });

  it("says that a picture is missing", async () => {
    const content = await service.job(undefined, small);
    const style = { ...(await service.job(await picture(1, 40, 40), small)), style: "none.png" };
    for (const job of [content, style]) {
      expect(await run(job)).toBe("bad-input");
      await service.settled();
      expect(service.of(job)).toEqual([{ requestId: job.requestId, failure: "missing-input" }]);
    }
  });

  it("is tried again after what may pass, and fails at the last attempt, with no detail to anybody but the log", async () => {
    const job = await service.job(await picture(1, 40, 40), small);
    const objects = new Proxy(service.objects, {
      get: (target, name) => (name === "get" ? failing : Reflect.get(target, name).bind(target)),
    });
    const last = parseConfig({ ...service.env, STYLIZE_ATTEMPT: "3", STYLIZE_ATTEMPTS: "3" });
    expect(await run(job, { objects })).toBe("failed");
    expect(logged.join("")).toMatch(/Expected an answer but received none/);
    await service.settled();
    expect(service.of(job)).toEqual([]);
    expect(await run(job, { objects, limits: last.limits })).toBe("failed");
    await service.settled();
    expect(service.of(job)).toEqual([{ requestId: job.requestId, failure: "internal" }]);
  });
});

describe("a queue that fails", () => {
  it.each([
    ["refuses progress", failing],
    ["never answers about progress", () => new Promise<void>(() => {})],
  ])("does not hold up a job where it %s", async (_, progress) => {
    const job = await service.job(await picture(1, 40, 40), small);
    expect(await run(job, { publisher: publisherWith(progress) })).toBe("done");
    await service.settled();
    expect(service.of(job)).toEqual([{ requestId: job.requestId, resultKey: outputKey(job) }]);
  });

  it("makes another attempt tell of the result", async () => {
    const job = await service.job(await picture(1, 40, 40), small);
    expect(await run(job, { publisher: { publish: async () => failing() } })).toBe("failed");
    expect(await service.objects.head(outputKey(job))).toBeDefined();
    expect(await run(job)).toBe("done");
    await service.settled();
    expect(service.of(job)).toEqual([{ requestId: job.requestId, resultKey: outputKey(job) }]);
  });
});
