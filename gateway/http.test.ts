/** The end of an HTTP server that keeps connections alive for longer than anybody waits. */
import { once } from "node:events";
import { Agent, createServer, get, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { closer } from "./http.ts";

/** A server that listens, as the gateway's does. */
async function listening(answer: RequestListener) {
  const server = createServer(answer);
  server.keepAliveTimeout = 125_000;
  server.headersTimeout = 126_000;
  const close = closer(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { close, port: (server.address() as AddressInfo).port };
}

/** The head of an answer, on a connection that its client would keep. */
async function asked(port: number): Promise<IncomingMessage> {
  const agent = new Agent({ keepAlive: true });
  const [response] = await once(get({ host: "127.0.0.1", port, agent }), "response");
  return response;
}

it("waits for an answer that is being given, and not for its connection", async () => {
  let finish = () => {};
  const { close, port } = await listening((_, response) => {
    response.write("begun, ");
    finish = () => response.end("ended");
  });
  const response = await asked(port);
  let isClosed = false;
  const closed = close().then(() => {
    isClosed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isClosed).toBe(false);
  finish();
  expect(await text(response)).toBe("begun, ended");
  await closed;
}, 10_000);

it("does not wait for connections that ask nothing", async () => {
  const { close, port } = await listening((_, response) => response.end("all"));
  await text(await asked(port)); // idle from now on
  const silent = connect(port, "127.0.0.1");
  const ended = once(silent, "close");
  await once(silent, "connect");
  await new Promise((resolve) => setTimeout(resolve, 100)); // until the server has it, too
  await close();
  await ended;
}, 10_000);

it("takes no new connections", async () => {
  const { close, port } = await listening((_, response) => response.end("all"));
  await close();
  await expect(asked(port)).rejects.toThrow("ECONNREFUSED");
  await expect(close()).rejects.toThrow("not running");
}, 10_000);
