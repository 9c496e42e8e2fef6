/** The client against a whole service: real sockets, files and processes; only the worker is a stand-in. */
import { readdirSync, readFileSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SignJWT } from "jose";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../gateway/testing/client.ts";
import { TestProxy } from "../gateway/testing/proxy.ts";
import { TestService, testPicture } from "../gateway/testing/service.ts";
import type { Accepted, ImageItem, JobProgress, JobView } from "../protocol/protocol.ts";
import { ServiceConnection } from "./connection.ts";
import { ServiceClient, ServiceError, type ServiceOptions, type StyleRequest } from "./index.ts";
import { merge } from "./job.ts";

let service: TestService;
let image: Blob;
let gate: string;
beforeAll(async () => {
  service = await TestService.start();
  image = new Blob([await testPicture("teal")]);
  gate = join(service.folder, "gate");
  process.env.TEST_GATE = gate;
});
afterAll(() => service[Symbol.asyncDispose]());

const connect = (options: ServiceOptions = {}, port = service.port) =>
  new ServiceClient(`http://127.0.0.1:${port}`, options);
const request = (more: Partial<StyleRequest> = {}): StyleRequest => ({
  image,
  style: "works.jpg",
  isPrivate: false,
  ...more,
});

/** A picture that compresses badly. */
async function largePicture(): Promise<Blob> {
  const raw = { width: 300, height: 240, channels: 3 } as const;
  const noise = Buffer.from(Array.from({ length: 300 * 240 * 3 }, () => Math.random() * 256));
  return new Blob([await sharp(noise, { raw }).png().toBuffer()]);
}

async function sizeOf(url: string | undefined) {
  const response = await fetch(url!);
  const { format, width, height } = await sharp(await response.arrayBuffer()).metadata();
  return { status: response.status, format, width, height };
}

const files = async (folder: string) =>
  (await readdir(join(service.folder, folder)).catch(() => [])).filter((name) => !name.startsWith("."));
const jobsOnDisk = () =>
  readdirSync(join(service.folder, "jobs")).filter((name) => /^[0-9a-f]{32}/.test(name));

/**
 * Waits for one more record. Gateway, proxy and test share one thread, and this looks in each round of its loop: the
 * answer that follows on the record has not been read by anybody yet.
 */
async function recordAfter(before: readonly string[]): Promise<void> {
  while (jobsOnDisk().length === before.length) await new Promise(setImmediate);
}

describe("a job", () => {
  it("is followed from its start to its end, which everyone hears of", async () => {
    using client = connect();
    using other = connect();
    await other.connected();
    const shown: ImageItem[] = [];
    const stop = other.onImage((one) => shown.push(one));
    const { styles } = await client.listStyles({ limit: 3 });
    expect(styles).toHaveLength(3);
    const states: JobView[] = [];
    const job = await client.transferStyle(request({ options: { size: 48, steps: 2, strength: "gentle" } }));
    const last = await client.finished(job, { onChange: (state) => states.push(state) });
    expect(last).toMatchObject({
      jobId: job.jobId,
      status: "succeeded",
      isPrivate: false,
      style: "works.jpg",
    });
    expect(last.options).toEqual({ size: 48, steps: 2, strength: "gentle" });
    expect(states.at(-1)).toBe(last);
    expect(states.filter(({ status }) => status === "succeeded")).toHaveLength(1);
    expect(states.map(({ seq }) => seq)).toEqual(states.map(({ seq }) => seq).sort((a, b) => a - b));
    expect(await sizeOf(last.result)).toEqual({ status: 200, format: "png", width: 64, height: 48 });
    await until(() => shown.some(({ jobId }) => jobId === job.jobId), "the public result");
    stop();
    expect((await other.listImages({ limit: 1 })).images).toMatchObject([
      { jobId: job.jobId, result: last.result },
    ]);
    const again = await other.finished(job); // of one that has ended long ago
    expect(again).toMatchObject({ status: "succeeded", result: last.result });
  });

  it("of large pictures is uploaded, the style of one's own too", async () => {
    using client = connect({ inlineBytes: 1000 });
    const large = await largePicture();
    const sent: number[] = [];
    const job = await client.transferStyle(request({ image: large, style: large, isPrivate: true }), {
      onUploadProgress: (progress) => {
        expect(progress.total).toBe(2 * large.size);
        sent.push(progress.sent);
      },
    });
    expect(sent).toEqual([0, large.size, 2 * large.size]);
    const { status, result, style } = await client.finished(job);
    expect([status, style]).toEqual(["succeeded", undefined]);
    expect(await sizeOf(result)).toMatchObject({ status: 200, width: 300, height: 240 });
    expect(await files("objects/private/upload")).toEqual([]);
  });

  it("that is private is for the holder of its token", async () => {
    using client = connect();
    using other = connect();
    const shown: ImageItem[] = [];
    other.onImage((one) => shown.push(one));
    await other.connected();
    const job = await client.transferStyle(request({ isPrivate: true }));
    const { result } = await client.finished(job);
    expect((await sizeOf(result)).status).toBe(200);
    const { origin, pathname } = new URL(result!);
    expect((await fetch(origin + pathname)).status).toBe(403);
    const guess = { jobId: job.jobId, token: "A".repeat(43) };
    await expect(other.job(guess)).rejects.toMatchObject({ name: "ServiceError", code: "unknown-job" });
    await expect(other.finished(guess)).rejects.toMatchObject({ code: "unknown-job" });
    expect(shown.map(({ jobId }) => jobId)).not.toContain(job.jobId);
  });

  it("that fails says why", async () => {
    using client = connect();
    const last = await client.finished(await client.transferStyle(request({ style: "fails.jpg" })));
    expect(last).toMatchObject({ status: "failed", failure: { code: "bad-style" } });
    expect(last.failure!.message).toMatch(/^The style can't be read/);
  });

  it("is cancelled, and removed", async () => {
    using client = connect();
    const job = await client.transferStyle(request({ style: "waits.jpg" }));
    const finished = client.finished(job);
    expect((await client.cancel(job)).status).toBe("cancelled");
    expect((await finished).status).toBe("cancelled");
    await client.remove(job);
    await client.remove(job);
    await expect(client.job(job)).rejects.toMatchObject({ code: "unknown-job" });
    const done = await client.transferStyle(request());
    await client.finished(done);
    await expect(client.cancel(done)).rejects.toMatchObject({ code: "not-cancellable" });
  });

  it("that is given up while it is asked for is not started, or cancelled", async () => {
    using client = connect({ inlineBytes: 0 });
    const before = jobsOnDisk();
    const controller = new AbortController();
    const asked = client.transferStyle(request({ style: "waits.jpg" }), { signal: controller.signal });
    asked.catch(() => {});
    await recordAfter(before);
    controller.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
    const record = jobsOnDisk().find((name) => !before.includes(name))!;
    expect(readFileSync(join(service.folder, "jobs", record), "utf8")).toContain('"status":"cancelled"');
    const early = client.transferStyle(request({ style: "waits.jpg" }), { signal: controller.signal });
    await expect(early).rejects.toMatchObject({ name: "AbortError" });
    expect(jobsOnDisk()).toHaveLength(before.length + 1);
  });
});

describe("a connection that is lost", () => {
  it("in the middle of a job comes back, to another gateway too, and the end is told once", async () => {
    await rm(gate, { force: true });
    await using proxy = await TestProxy.start(service.port);
    using client = connect({}, proxy.port);
    const connections: string[] = [];
    const stop = client.onConnection(({ state }) => connections.push(state));
    const states: JobView[] = [];
    const job = await client.transferStyle(request({ style: "gated.jpg" }));
    const stopFollowing = client.follow(job, (state) => states.push(state));
    await until(() => states.at(-1)?.step === 1, "a worker's word");
    proxy.set("cut");
    await until(() => client.connection.state === "connecting", "the loss");
    proxy.set("pass");
    await client.connected();
    await until(() => states.length > 1, "a fresh state");
    await service.stopGateway();
    await until(() => client.connection.state === "connecting", "the loss");
    await writeFile(gate, "");
    await service.startGateway();
    proxy.target = service.port;
    await until(() => states.at(-1)?.status === "succeeded", "the end");
    proxy.set("cut");
    proxy.set("pass");
    await client.connected();
    expect(await client.job(job)).toMatchObject({ status: "succeeded" });
    expect(states.filter(({ status }) => status === "succeeded")).toHaveLength(1);
    const order = states.map(({ seq }) => seq);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(connections.filter((state) => state === "connected").length).toBeGreaterThanOrEqual(3);
    stopFollowing();
    stop();
  });

  it.each([
    ["a message", 500_000],
    ["uploads", 0],
  ])("before the answer to %s leads to one job", async (_, inlineBytes) => {
    await using proxy = await TestProxy.start(service.port);
    using client = connect({ inlineBytes }, proxy.port);
    await client.connected();
    const states: string[] = [];
    client.onConnection(({ state }) => states.push(state));
    const before = jobsOnDisk();
    let job: Accepted | undefined;
    const asked = client.transferStyle(request()).then((accepted) => {
      job = accepted;
    });
    await recordAfter(before);
    proxy.set("cut");
    expect(job).toBeUndefined();
    await until(() => states.includes("connecting"), "the loss");
    expect(job).toBeUndefined();
    proxy.set("pass");
    await asked;
    expect(states).toEqual(["connected", "connecting", "connected"]);
    expect(await client.finished(job!)).toMatchObject({ status: "succeeded" });
    const started = jobsOnDisk().filter((name) => !before.includes(name));
    expect(started).toEqual([expect.stringContaining(job!.jobId)]);
    expect(await files("objects/private/upload")).toEqual([]);
  });

  it("without an end is noticed by answers that do not come: what is asked for is asked again, for one job", async () => {
    await using proxy = await TestProxy.start(service.port);
    using client = connect({ answerMs: 200 }, proxy.port);
    await client.connected();
    const before = jobsOnDisk();
    proxy.set("hold");
    const asked = client.transferStyle(request({ isPrivate: true }));
    const listed = client.listStyles();
    await new Promise((resolve) => setTimeout(resolve, 500));
    proxy.set("pass");
    expect((await listed).styles.length).toBeGreaterThan(0);
    expect(await client.finished(await asked)).toMatchObject({ status: "succeeded" });
    expect(jobsOnDisk()).toHaveLength(before.length + 1);
  });

  it("by a message that is too large for the gateway leads to an upload", async () => {
    await using small = await TestService.start("--max-message-bytes", "100000");
    using client = connect({}, small.port);
    const job = await client.transferStyle(request({ image: await largePicture() }));
    expect(await client.finished(job)).toMatchObject({ status: "succeeded" });
  });

  it("never was there: what is asked for waits, or is given up", async () => {
    await using proxy = await TestProxy.start(service.port);
    proxy.set("cut");
    using client = connect({}, proxy.port);
    await expect(client.connected(AbortSignal.timeout(300))).rejects.toMatchObject({ name: "TimeoutError" });
    expect(client.connection).toMatchObject({ state: "connecting", reason: expect.stringMatching(/./) });
    const listed = client.listStyles();
    proxy.set("pass");
    expect((await listed).styles.length).toBeGreaterThan(0);
    client.close();
    await expect(client.listStyles()).rejects.toThrow("closed");
    expect(client.connection.state).toBe("closed");
  });
});

describe("a refusal", () => {
  it("has a code and a sentence", async () => {
    using client = connect();
    const refused = (more: Partial<StyleRequest>, code: string) =>
      expect(client.transferStyle(request(more))).rejects.toMatchObject({
        name: "ServiceError",
        code,
        message: expect.stringMatching(/^[A-Z].+\.$/),
      });
    await refused({ style: "none.jpg" }, "unknown-style");
    await refused({ style: "../style/works.jpg" }, "invalid-request");
    await refused({ options: { steps: 0 } }, "invalid-request");
    await refused({ image: new Blob(["text"], { type: "image/png" }) }, "bad-picture");
    await refused({ image: image.slice(0, 200) }, "bad-picture");
  });

  it("for lack of room says when there may be some", async () => {
    await using strict = await TestService.start("--jobs-per-client", "1", "--requests-per-minute", "5");
    using client = connect({ patienceMs: 10 }, strict.port);
    const job = await client.transferStyle(request({ style: "waits.jpg" }));
    await expect(client.transferStyle(request())).rejects.toMatchObject({ code: "too-many-jobs" });
    await client.cancel(job);
    for (let i = 0; i < 2; i++) await client.listStyles();
    const refusal = await client.listStyles().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "too-many-requests", retryAfterMs: expect.any(Number) });
  });

  it("is waited out where it will pass soon, no longer in all than there is patience", async () => {
    const connection = new ServiceConnection(`http://127.0.0.1:${service.port}`, { patienceMs: 50 });
    const waitOut = connection.patience();
    const refusal = (retryAfterMs?: number) =>
      new ServiceError({
        code: "too-many-requests",
        message: "Later.",
        ...(retryAfterMs && { retryAfterMs }),
      });
    await waitOut(refusal(30));
    await expect(waitOut(refusal(30))).rejects.toMatchObject({ code: "too-many-requests" });
    await waitOut(refusal(20));
    await expect(waitOut(refusal())).rejects.toMatchObject({ code: "too-many-requests" });
    connection.close();
  });

  it("of a token is told, and ends when there is a good one", async () => {
    const secret = "a secret of at least thirty-two bytes";
    await using closed = await TestService.start("--jwt-secret", secret);
    let token = "none";
    using client = connect({ token: async () => token }, closed.port);
    await expect(client.listStyles()).rejects.toMatchObject({ code: "unauthorized" });
    expect(client.connection).toMatchObject({ state: "refused", error: { code: "unauthorized" } });
    const claims = new SignJWT({ sub: "somebody" })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1m");
    token = await claims.sign(new TextEncoder().encode(secret));
    client.reconnect();
    expect((await client.listStyles()).styles.length).toBeGreaterThan(0);
  });
});

describe("news of a job", () => {
  const view: JobView = {
    jobId: "j",
    seq: 4,
    status: "running",
    isPrivate: true,
    options: {},
    createdAt: 1,
    step: 3,
  };
  const progress = (seq: number, step: number): { progress: JobProgress } => ({
    progress: { seq, status: "running", step, total: 9 },
  });

  it("that are older than what is known change nothing", () => {
    expect(merge(view, progress(3, 1))).toBe(view);
    expect(merge(view, { view: { ...view, seq: 3, status: "queued" } })).toBe(view);
    expect(merge(view, progress(5, 4))).toMatchObject({ seq: 5, step: 4, total: 9 });
  });

  it("after the end change nothing", () => {
    const ended = merge(view, { result: "https://a/b.png" });
    expect(ended).toMatchObject({ status: "succeeded", result: "https://a/b.png", seq: 5 });
    for (const late of [progress(9, 5), { view: { ...view, seq: 9 } }, { result: "https://a/c.png" }])
      expect(merge(ended, late)).toBe(ended);
    const failure = { code: "cancelled", message: "The job was cancelled." } as const;
    expect(merge(view, { failure })).toMatchObject({ status: "cancelled" });
  });

  it("that say where it stands leave nothing behind from where it stood", () => {
    const queued: JobView = { ...view, status: "queued", position: 2, etaMs: 5000 };
    const next = merge(queued, { progress: { seq: 5, status: "starting" } });
    expect(next).not.toHaveProperty("position");
    expect(next).not.toHaveProperty("etaMs");
  });
});
