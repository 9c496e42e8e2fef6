/**
 * Clients that vanish while they say something: nothing of it stays, nobody else notices, and who comes back finds his
 * job.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Accepted, ImageItem } from "../protocol/protocol.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestMachine } from "./testing/machine.ts";
import type { GatewayProcess } from "./testing/process.ts";
import { TestProxy } from "./testing/proxy.ts";
import { testPicture } from "./testing/service.ts";

const machine = new TestMachine();
const start = (...flags: string[]) => machine.start(["--workers", "2", ...flags]);
const request = (more: object = {}) => ({
  image: machine.image,
  style: "works.jpg",
  isPrivate: false,
  ...more,
});
/** Names in a folder of objects; none where it was not made yet. */
const filesOf = (folder: string) => readdir(join(machine.folder, "objects", folder)).catch(() => []);

async function connectionsOf(gateway: GatewayProcess): Promise<number> {
  const { text } = await gateway.get("/metrics");
  return Number(/^stylize_connections (\d+)$/m.exec(text)?.[1]);
}

/** The body of an upload's form: what comes before the file, and all of it. */
function formOf(fields: Readonly<Record<string, string>>, file: Uint8Array, boundary: string) {
  const part = (head: string) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n`;
  const texts = Object.entries(fields).map(([name, value]) => `${part(`name="${name}"`)}\r\n${value}\r\n`);
  const head = `${texts.join("")}${part('name="file"; filename="a.jpg"')}Content-Type: image/jpeg\r\n\r\n`;
  return { head, whole: Buffer.concat([Buffer.from(head), file, Buffer.from(`\r\n--${boundary}--\r\n`)]) };
}

it("in the middle of an upload: no part of it stays", async () => {
  await using gateway = await start();
  using client = await Follower.connect(gateway.port);
  const picture = Buffer.concat([await testPicture("teal"), Buffer.alloc(2_000_000)]);
  const upload = { contentType: "image/jpeg", bytes: picture.length };
  interface Form {
    uploadKey: string;
    url: string;
    fields: Record<string, string>;
  }
  const { uploadKey, url, fields } = await client.get<Form>("CREATE_UPLOAD", upload);
  const { head, whole } = formOf(fields, picture, "simple");
  const headers = {
    "content-type": "multipart/form-data; boundary=simple",
    "content-length": `${whole.length}`,
  };
  for (const length of [head.length + 1, whole.length >> 1, whole.length - 5]) {
    const post = httpRequest(url, { method: "POST", headers }).on("error", () => {});
    post.write(whole.subarray(0, length));
    await until(async () => (await filesOf(".temporary")).length > 0, "the beginning of a file");
    await sleep(Math.random() * 50);
    post.destroy();
    await until(async () => (await filesOf(".temporary")).length === 0, "the end of the file");
    expect(await filesOf("private/upload")).toEqual([]);
  }
  const unknown = await client.ask("TRANSFER_STYLE", request({ image: { uploadKey } }));
  expect(unknown).toMatchObject({ error: { code: "unknown-upload" } });
  expect((await fetch(url, { method: "POST", headers, body: new Uint8Array(whole) })).status).toBe(204);
  expect(await client.outcome(await client.start(request({ image: { uploadKey } })))).toBe("succeeded");
  expect(gateway.logged(50)).toEqual([]);
});

/** A text frame of a websocket, masked with zeros; `length` is what it says of its payload. */
function frame(text: string, length = text.length): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x81;
  head[1] = 0xff; // masked, with a length of 8 bytes
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.from(text)]);
}

/** A client of socket.io that a test speaks for byte by byte. */
async function plainClient(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  let heard = "";
  socket.on("data", (data) => {
    heard += data.toString("latin1");
  });
  const upgrade = [
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
  ];
  socket.write(`${upgrade.join("\r\n")}\r\n\r\n`);
  await until(() => heard.includes('0{"sid"'), "a connection");
  socket.write(frame("40"));
  await until(() => heard.includes('40{"sid"'), "a session");
  return socket;
}

it("in the middle of a message of 5 MB: the connection is given up, and nobody notices", async () => {
  await using gateway = await start();
  using other = await Follower.connect(gateway.port);
  const image = "A".repeat(5_000_000);
  const message = `420["TRANSFER_STYLE",{"image":"data:image/jpeg;base64,${image}","style":"works.jpg","isPrivate":true}]`;
  const clients = await Promise.all(Array.from({ length: 8 }, () => plainClient(gateway.port)));
  expect(await connectionsOf(gateway)).toBe(9);
  for (const client of clients) {
    const part = frame(message.slice(0, Math.random() * message.length), message.length);
    await new Promise((resolve) => client.write(part, resolve));
  }
  expect(await other.outcome(await other.start(request()))).toBe("succeeded");
  for (const client of clients) client.destroy();
  await until(async () => (await connectionsOf(gateway)) === 1, "the end of the connections");
  expect(await other.outcome(await other.start(request()))).toBe("succeeded");
  expect(await filesOf("private/input")).toEqual([]);
  expect(gateway.logged(50)).toEqual([]);
});

it("before a request is answered: who repeats it gets the job that there is", async () => {
  await using gateway = await start();
  await using network = await TestProxy.start(gateway.port);
  using client = await Follower.connect(network.port);
  const began = Date.now();
  const jobs: Accepted[] = [await client.start(request())];
  const answerMs = Date.now() - began;
  for (let takenUnanswered = 0; takenUnanswered < 3; ) {
    const wish = request({ idempotencyKey: randomUUID() });
    const connections = client.connections.length;
    let isAnswered = false;
    const first = client.ask("TRANSFER_STYLE", wish).then(
      () => {
        isAnswered = true;
      },
      () => {}, // the connection broke
    );
    await sleep(Math.random() * answerMs);
    network.set("cut");
    await first;
    network.set("pass");
    await until(() => client.connections.length > connections, "another connection");
    const repeatedAt = Date.now();
    const job = await client.start(wish);
    jobs.push(job);
    const { createdAt } = await client.job(job);
    if (!isAnswered && createdAt < repeatedAt) takenUnanswered++;
  }
  for (const job of jobs) {
    expect(await client.outcome(job)).toBe("succeeded");
    expect(client.timesTold(job)).toBeLessThanOrEqual(1);
  }
  const { images } = await client.get<{ images: ImageItem[] }>("LIST_IMAGES");
  expect(images.map(({ jobId }) => jobId).sort()).toEqual(jobs.map(({ jobId }) => jobId).sort());
  expect((await filesOf("public/input")).length).toBe(jobs.length); // no picture of a repeated request stays
  expect(machine.workers.began()).toHaveLength(jobs.length);
  expect(gateway.logged(50)).toEqual([]);
});
