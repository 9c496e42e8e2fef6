/**
 * What becomes of jobs, as clients of a gateway see it: real sockets, files, child processes; only the worker is a
 * stand-in.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ImageItem, JobProgress, JobView } from "../protocol/protocol.ts";
import { code, completed, failed, fetched, ref } from "./testing/answers.ts";
import { dataUrl, until } from "./testing/client.ts";
import { TestService, testPicture } from "./testing/service.ts";

let service: TestService;
let image: string;
beforeAll(async () => {
  service = await TestService.start();
  image = dataUrl(await testPicture("teal"));
});
afterAll(() => service[Symbol.asyncDispose]());

const request = (more: object = {}) => ({ image, style: "works.jpg", isPrivate: false, ...more });
/** All files of the objects folder, by key. */
const objects = async () =>
  (await readdir(join(service.folder, "objects"), { recursive: true })).filter((name) =>
    /\.(jpg|png|webp)$/.test(name),
  );

describe("a job", () => {
  it("is done, told to its client with progress and to everyone when public", async () => {
    const client = await service.client();
    const other = await service.client();
    const job = await client.start(request({ options: { size: 48, steps: 3, strength: "bold" } }));
    expect(job.requestId).toBe(`${client.socket.id}::${job.jobId}`);
    const { result } = (await client.next(completed(job))) as { result: string };
    const { status, body } = await fetched(result);
    expect(status).toBe(200);
    expect((await sharp(body).metadata()).format).toBe("png");
    const progress = client.all(`JOB_PROGRESS::${job.jobId}`) as JobProgress[];
    expect(progress.map(({ status }) => status)).toContain("running");
    const told = (await other.next("TRANSFER_STYLE_COMPLETED")) as ImageItem;
    expect(told).toMatchObject({ jobId: job.jobId, result, style: "works.jpg" });
    expect((await fetched(told.content)).status).toBe(200);
    const thumbnail = await fetched(told.thumbnail);
    expect((await sharp(thumbnail.body).metadata()).format).toBe("jpeg");
    expect(other.heard.filter(({ event }) => event.includes("::"))).toEqual([]);
    const view = await client.job(job);
    expect(view).toMatchObject({ jobId: job.jobId, status: "succeeded", isPrivate: false, result });
    expect(view.options).toEqual({ size: 48, steps: 3, strength: "bold" });
    expect(view.endedAt! >= view.startedAt! && view.startedAt! >= view.createdAt).toBe(true);
    expect(client.all(completed(job))).toHaveLength(1);
  });

  it("that is private can be seen by no one without a presigned URL, and is told to no one else", async () => {
    const client = await service.client();
    const other = await service.client();
    const job = await client.start(request({ isPrivate: true }));
    const { result } = (await client.next(completed(job))) as { result: string };
    expect((await fetched(result)).status).toBe(200);
    const url = new URL(result);
    for (const stranger of [
      url.origin + url.pathname,
      result.replace(/signature=./, "signature=!"),
      result.replace("private/output", "private//output"),
      `${url.origin}/objects/public/../private/output/${job.jobId}.png`,
      `${url.origin}/objects/public/%2e%2e/private/output/${job.jobId}.png`,
      `${url.origin}/objects/public%2f..%2fprivate/output/${job.jobId}.png`,
      `${url.origin}/objects/private/input/${job.jobId}.jpg`,
      `${url.origin}/objects/private/output/${job.jobId}.jpg`,
    ]) {
      expect((await fetched(stranger)).status, stranger).toBeGreaterThanOrEqual(400);
    }
    expect(
      other.all("TRANSFER_STYLE_COMPLETED").filter((told) => (told as ImageItem).jobId === job.jobId),
    ).toEqual([]);
    expect((await fetched((await client.job(job)).thumbnail!)).status).toBe(200);
    const { images } = await other.get<{ images: ImageItem[] }>("LIST_IMAGES");
    expect(images.map(({ jobId }) => jobId)).not.toContain(job.jobId);
    const guess = { jobId: job.jobId, token: "A".repeat(43) };
    for (const event of ["GET_JOB", "CANCEL_JOB", "DELETE_JOB"] as const)
      expect(code(await other.ask(event, guess))).toBe("unknown-job");
  });

  it("fails with a reason that is safe", async () => {
    const client = await service.client();
    const bad = await client.start(request({ style: "fails.jpg" }));
    expect(await client.next(failed(bad))).toEqual({
      code: "bad-style",
      message: expect.stringMatching(/^The style/),
    });
    const crashed = await client.start(request({ style: "crashes.jpg" }));
    expect(await client.next(failed(crashed))).toMatchObject({ code: "internal" });
    expect(await client.job(crashed)).toMatchObject({ status: "failed", failure: { code: "internal" } });
  });

  it("of which the worker says nothing is found done", async () => {
    const client = await service.client();
    const job = await client.start(request({ style: "silent.jpg" }));
    expect(await client.next(completed(job))).toMatchObject({ result: expect.stringContaining(job.jobId) });
  });

  it("that is announced many times is told once", async () => {
    const client = await service.client();
    const job = await client.start(request({ style: "repeats.jpg" }));
    await client.next(completed(job));
    const after = await client.start(request());
    await client.next(completed(after)); // the repetitions were published before
    expect(client.all(completed(job))).toHaveLength(1);
    const public_ = client.all("TRANSFER_STYLE_COMPLETED") as ImageItem[];
    expect(public_.filter(({ jobId }) => jobId === job.jobId)).toHaveLength(1);
  });

  it("is cancelled while it runs and while it waits, and its place in the queue is told", async () => {
    const client = await service.client();
    const running = [
      await client.start(request({ style: "waits.jpg" })),
      await client.start(request({ style: "waits.jpg" })),
    ];
    for (const job of running)
      await until(async () => (await client.job(job)).status === "running", "a running job");
    const first = await client.start(request());
    const second = await client.start(request());
    await until(async () => (await client.job(second)).position === 1, "the second place");
    expect((await client.job(first)).position).toBe(0);
    const { job: cancelled } = await client.get<{ job: JobView }>("CANCEL_JOB", ref(second));
    expect(cancelled.status).toBe("cancelled");
    expect(await client.next(failed(second))).toEqual({
      code: "cancelled",
      message: "The job was cancelled.",
    });
    for (const job of running) await client.get("CANCEL_JOB", ref(job));
    await client.next(completed(first));
    expect(code(await client.ask("CANCEL_JOB", ref(first)))).toBe("not-cancellable");
    expect((await client.job(second)).status).toBe("cancelled");
  });

  it("is found again under a new connection, with a fresh URL, and hears what is left", async () => {
    const before = await service.client();
    const job = await before.start(request({ isPrivate: true }));
    before[Symbol.dispose]();
    const after = await service.client();
    await until(async () => (await after.job(job)).status === "succeeded", "the end");
    const { result } = await after.job(job);
    expect((await fetched(result!)).status).toBe(200);
    const waiting = await after.start(request({ style: "waits.jpg" }));
    const third = await service.client();
    await third.job(waiting);
    await third.get("CANCEL_JOB", ref(waiting));
    await third.next(failed(waiting));
  });

  it("is the same when it is asked for twice with one key", async () => {
    const client = await service.client();
    const again = request({ idempotencyKey: "once-and-only" });
    const [one, two] = await Promise.all([client.start(again), client.start(again)]);
    expect(two).toMatchObject({ jobId: one.jobId, token: one.token });
    await client.next(completed(one));
    const other = await service.client();
    expect((await other.start(again)).jobId).toBe(one.jobId);
    await other.next(completed(one)); // though it had ended before
    expect(client.all(completed(one))).toHaveLength(1);
    expect(
      (await objects()).filter((name) => name.includes(one.jobId) && name.includes("input")),
    ).toHaveLength(1);
  });

  it("is deleted with all its pictures", async () => {
    const client = await service.client();
    const own = dataUrl(await testPicture("gold"));
    const job = await client.start(request({ style: own }));
    await client.next(completed(job));
    expect((await objects()).filter((name) => name.includes(job.jobId)).length).toBeGreaterThanOrEqual(3);
    expect(await client.get("DELETE_JOB", ref(job))).toEqual({ deleted: true });
    expect((await objects()).filter((name) => name.includes(job.jobId))).toEqual([]);
    expect(code(await client.ask("GET_JOB", ref(job)))).toBe("unknown-job");
    const running = await client.start(request({ style: "waits.jpg" }));
    await client.get("DELETE_JOB", ref(running));
    expect(code(await client.ask("GET_JOB", ref(running)))).toBe("unknown-job");
  });
});

describe("lists", () => {
  it("styles, in pages", async () => {
    const client = await service.client();
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page: { styles: { name: string; url: string }[]; next?: string } = await client.get(
        "LIST_STYLES",
        { limit: 4, ...(cursor === undefined ? {} : { cursor }) },
      );
      for (const { name, url } of page.styles) {
        names.push(name);
        expect((await fetched(url)).status).toBe(200);
      }
      cursor = page.next;
    } while (cursor !== undefined);
    expect(names).toEqual([...names].sort());
    expect(names).toContain("works.jpg");
  });

  it("public results, newest first, each once", async () => {
    const client = await service.client();
    for (let i = 0; i < 3; i++) await client.next(completed(await client.start(request())));
    const first = await client.get<{ images: ImageItem[]; next?: string }>("LIST_IMAGES", { limit: 2 });
    const second = await client.get<{ images: ImageItem[] }>("LIST_IMAGES", { limit: 2, cursor: first.next });
    const all = [...first.images, ...second.images];
    expect(new Set(all.map(({ jobId }) => jobId)).size).toBe(4);
    expect(all.map(({ endedAt }) => endedAt)).toEqual(
      all.map(({ endedAt }) => endedAt).sort((a, b) => b - a),
    );
  });
});

describe("restart", () => {
  it("keeps jobs, tokens and results, and starts again what was running", async () => {
    await using own = await TestService.start();
    const client = await own.client();
    const done = await client.start(request({ isPrivate: true }));
    await client.next(completed(done));
    const running = await client.start(request({ style: "waits.jpg" }));
    await until(async () => (await client.job(running)).status === "running", "a running job");
    client[Symbol.dispose]();
    await own.stopGateway();
    await own.startGateway();
    const later = await own.client();
    expect((await fetched((await later.job(done)).result!)).status).toBe(200);
    const before = (await later.job(running)).seq;
    await until(async () => (await later.job(running)).seq > before + 1, "news of a second attempt");
    await later.get("CANCEL_JOB", ref(running));
  });
});
