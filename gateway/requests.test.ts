/**
 * Which requests a gateway takes and which it refuses: real sockets, files, child processes; only the worker is a
 * stand-in.
 */
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Accepted, RequestError } from "../protocol/protocol.ts";
import { hugePng } from "../tests/huge-picture.ts";
import { code, completed, fetched, ref } from "./testing/answers.ts";
import { dataUrl, TestClient, until } from "./testing/client.ts";
import { TestService, testPicture } from "./testing/service.ts";

let service: TestService;
let image: string;
beforeAll(async () => {
  service = await TestService.start();
  image = dataUrl(await testPicture("teal"));
});
afterAll(() => service[Symbol.asyncDispose]());

const request = (more: object = {}) => ({ image, style: "works.jpg", isPrivate: false, ...more });

describe("a picture that is uploaded", () => {
  it("is used once, by the one who uploaded it", async () => {
    const client = await service.client();
    const picture = await testPicture("olive", 600, 400);
    const { uploadKey, url, fields } = await client.get<{
      uploadKey: string;
      url: string;
      fields: Record<string, string>;
    }>("CREATE_UPLOAD", { contentType: "image/jpeg", bytes: picture.length });
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", new Blob([new Uint8Array(picture)], { type: "image/jpeg" }), "a.jpg");
    expect((await fetch(url, { method: "POST", body: form })).status).toBeLessThan(300);
    for (const wrong of [
      uploadKey.replace(/[0-9a-f]\./, "x."),
      `private/upload/../input/a.jpg`,
      "style/works.jpg",
    ])
      expect(code(await client.ask("TRANSFER_STYLE", request({ image: { uploadKey: wrong } })))).toBe(
        "unknown-upload",
      );
    const job = await client.start(request({ image: { uploadKey } }));
    await client.next(completed(job));
    expect(code(await client.ask("TRANSFER_STYLE", request({ image: { uploadKey } })))).toBe(
      "unknown-upload",
    );
  });
});

describe("pictures are stored", () => {
  it("without EXIF", async () => {
    const client = await service.client();
    const job = await client.start(request());
    const { content } = await client.job(job);
    const { body } = await fetched(content!);
    expect(body.includes("a secret place")).toBe(false);
    expect((await sharp(body).metadata()).exif).toBeUndefined();
  });
});

describe("refuses", () => {
  it("what is of no known form", async () => {
    const client = await service.client();
    const wrong: unknown[] = [
      undefined,
      null,
      7,
      [],
      {},
      request({ isPrivate: "yes" }),
      request({ style: "../../private/x" }),
      request({ style: "../works.jpg" }),
      request({ style: "https://example.org/a.jpg" }),
      request({ image: "https://example.org/a.jpg" }),
      request({ image: "data:image/svg+xml;base64,AAAA" }),
      request({ options: { size: 1e9 } }),
      request({ more: 1 }),
      JSON.parse(`{"image":"${image}","style":"works.jpg","isPrivate":false,"__proto__":{"isAdmin":true}}`),
      JSON.parse(
        `{"image":"${image}","style":"works.jpg","isPrivate":false,"options":{"constructor":{"prototype":{}}}}`,
      ),
    ];
    for (const value of wrong)
      expect(code(await client.ask("TRANSFER_STYLE", value)), JSON.stringify(value)?.slice(0, 80)).toBe(
        "invalid-request",
      );
    expect(code(await client.ask("GET_JOB", { jobId: "x", token: "y" }))).toBe("invalid-request");
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it("styles that are not there, and pictures that are none", async () => {
    const client = await service.client();
    expect(code(await client.ask("TRANSFER_STYLE", request({ style: "none.jpg" })))).toBe("unknown-style");
    const good = await testPicture("red");
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>');
    const gif = await sharp(good).gif().toBuffer();
    const bad = {
      cut: good.subarray(0, good.length / 2),
      svg,
      gif,
      huge: hugePng(15_000, 15_000),
      dot: await testPicture("red", 1, 1),
      empty: Buffer.alloc(0),
    };
    for (const [name, bytes] of Object.entries(bad))
      expect(code(await client.ask("TRANSFER_STYLE", request({ image: dataUrl(bytes) }))), name).toBe(
        "bad-picture",
      );
    expect(code(await client.ask("TRANSFER_STYLE", request({ style: dataUrl(svg) })))).toBe("bad-picture");
  });

  it("messages that are too large or have attachments, without harm to others", async () => {
    const other = await service.client();
    const client = await service.client({ reconnection: false });
    client.socket.emit(
      "TRANSFER_STYLE",
      request({ image: `data:image/jpeg;base64,${"A".repeat(20_000_000)}` }) as never,
      () => {},
    );
    await until(() => !client.socket.connected, "the end of the connection");
    const second = await service.client({ reconnection: false });
    const attachments = Array.from({ length: 11 }, () => Buffer.alloc(10));
    second.socket.emit("TRANSFER_STYLE", attachments as never, () => {});
    await until(() => !second.socket.connected, "the end of the connection").catch(() => {});
    expect(other.socket.connected).toBe(true);
    expect(await other.get("LIST_STYLES")).toHaveProperty("styles");
  });

  it("pages of other origins", async () => {
    const extraHeaders = { origin: "https://evil.example.org" };
    await expect(TestClient.connect(service.port, { extraHeaders, reconnection: false })).rejects.toThrow();
    const own = { origin: `http://127.0.0.1:${service.port}` };
    (await TestClient.connect(service.port, { extraHeaders: own }))[Symbol.dispose]();
  });
});

describe("limits", () => {
  it("jobs at a time, jobs a minute and requests", async () => {
    await using strict = await TestService.start(
      "--jobs-per-client",
      "1",
      "--jobs-per-minute",
      "3",
      "--requests-per-minute",
      "20",
    );
    const client = await strict.client();
    const first = request({ style: "waits.jpg", idempotencyKey: "the only one" });
    const job = await client.start(first);
    expect(code(await client.ask("TRANSFER_STYLE", request()))).toBe("too-many-jobs");
    for (let i = 0; i < 4; i++) expect((await client.start(first)).jobId).toBe(job.jobId); // asked again, not another
    await client.get("CANCEL_JOB", ref(job));
    await client.start(request({ style: "waits.jpg" }));
    const refused = (await client.ask("TRANSFER_STYLE", request())) as {
      error: { code: string; retryAfterMs: number };
    };
    expect(refused.error.code).toBe("too-many-requests");
    expect(refused.error.retryAfterMs).toBeGreaterThan(0);
    for (let i = 0; i < 20; i++) await client.ask("LIST_STYLES");
    expect(code(await client.ask("LIST_STYLES"))).toBe("too-many-requests");
  });
});

it("takes only so many jobs in at a time", async () => {
  await using narrow = await TestService.start("--requests-at-once", "2");
  const client = await narrow.client();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => client.ask("TRANSFER_STYLE", request())),
  );
  const refused = answers.filter((answer) => code(answer) === "unavailable");
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) expect((answer as RequestError).error.retryAfterMs).toBeGreaterThan(500);
  const taken = answers.filter((answer) => code(answer) === undefined) as Accepted[];
  expect(taken.length).toBe(20 - refused.length);
  for (const job of taken) await client.next(completed(job));
  expect(code(await client.ask("TRANSFER_STYLE", request()))).toBeUndefined();
  const metrics = await (await fetch(`http://127.0.0.1:${narrow.port}/metrics`)).text();
  expect(metrics).toContain(`stylize_refused_total{code="unavailable"} ${refused.length}`);
});

describe("over HTTP", () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${service.port}${path}`, { headers });

  it("tells health, readiness and metrics, with security headers", async () => {
    expect((await get("/healthz")).status).toBe(200);
    const ready = await get("/readyz");
    expect([ready.status, await ready.text()]).toEqual([200, "ready\n"]);
    expect(ready.headers.get("x-content-type-options")).toBe("nosniff");
    expect(ready.headers.get("content-security-policy")).toContain("default-src 'none'");
    const metrics = await (await get("/metrics")).text();
    expect(metrics).toMatch(/^stylize_jobs_total\{status="succeeded"\} [1-9]/m);
    expect(metrics).toMatch(/^stylize_connections [1-9]/m);
    expect(metrics).toMatch(/^stylize_queue_messages \d/m);
    expect((await get("/metrics", { "x-forwarded-for": "203.0.113.9" })).status).toBe(404);
    expect((await get("/nothing")).status).toBe(404);
    expect((await get("/objects/../secret")).status).toBe(404);
  });
});
