/** A real server of one file that misbehaves as it is told, for tests. It listens on 127.0.0.1 only. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { ManifestEntry } from "../../manifest.ts";

export type Behaviour = (request: IncomingMessage, response: ServerResponse, file: Buffer) => unknown;

export class TestServer implements AsyncDisposable {
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  behaviour: Behaviour;
  readonly url: string;
  readonly #server: Server & { closeAllConnections(): void };

  private constructor(
    server: Server & { closeAllConnections(): void },
    scheme: string,
    behaviour: Behaviour,
  ) {
    this.#server = server;
    this.behaviour = behaviour;
    this.url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/file.pth`;
  }

  static async start(
    file: Buffer,
    behaviour: Behaviour = ranges,
    tls?: { readonly key: string; readonly cert: string },
  ): Promise<TestServer> {
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      const { url = "", headers } = request;
      started.requests.push({ url, headers });
      started.behaviour(request, response, file);
    };
    const server = tls ? createSecureServer(tls, answer) : createServer(answer);
    await once(server.listen(0, "127.0.0.1"), "listening");
    const started = new TestServer(server, tls ? "https" : "http", behaviour);
    return started;
  }

  get host(): string {
    return new URL(this.url).host;
  }

  /** What was asked for in each request. */
  get ranges(): (string | undefined)[] {
    return this.requests.map(({ headers }) => headers.range);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** As servers of files should: single ranges, If-Range, an ETag. */
export function ranges(request: IncomingMessage, response: ServerResponse, file: Buffer): void {
  const headers = { etag: '"1"', "accept-ranges": "bytes" };
  const { range, "if-range": condition } = request.headers;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  if (first === undefined || (condition !== undefined && condition !== '"1"')) {
    response.writeHead(200, { ...headers, "content-length": file.length }).end(file);
    return;
  }
  const begin = Number(first);
  const end = last ? Number(last) + 1 : file.length;
  if (begin >= file.length) {
    response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
    return;
  }
  const range206 = {
    "content-range": `bytes ${begin}-${end - 1}/${file.length}`,
    "content-length": end - begin,
  };
  response.writeHead(206, { ...headers, ...range206 }).end(file.subarray(begin, end));
}

/** Behaviours by name; those that need a number or a text are made by a function. */
export const misbehave = {
  noRanges: (_: IncomingMessage, response: ServerResponse, file: Buffer) =>
    response.writeHead(200, { "content-length": file.length }).end(file),
  status:
    (status: number, headers: Record<string, string> = {}): Behaviour =>
    (_, response) =>
      response.writeHead(status, headers).end("no"),
  body:
    (body: string, headers: Record<string, string> = {}): Behaviour =>
    (_, response) =>
      response.writeHead(200, { "content-length": body.length, ...headers }).end(body),
  /** Announces the whole file, sends the first bytes, ends the connection. */
  truncate:
    (bytes: number): Behaviour =>
    (_, response, file) => {
      response.writeHead(200, { "content-length": file.length });
      response.write(file.subarray(0, bytes), () => response.socket?.end());
    },
  /** The same without announcing anything: the end looks like the file's end. */
  truncateUnannounced:
    (bytes: number): Behaviour =>
    (_, response, file) => {
      response.writeHead(200, { connection: "close" }).end(file.subarray(0, bytes));
    },
  /** Does ranges, but sends no more than so many bytes a time. */
  truncateRanges:
    (bytes: number): Behaviour =>
    (request, response, file) => {
      const [, first = "0"] = /^bytes=(\d+)-/.exec(request.headers.range ?? "") ?? [];
      const rest = file.subarray(Number(first));
      const range = `bytes ${first}-${file.length - 1}/${file.length}`;
      response.writeHead(request.headers.range ? 206 : 200, {
        connection: "close",
        ...(request.headers.range ? { "content-range": range } : {}),
      });
      response.end(rest.subarray(0, bytes));
    },
  stall:
    (bytes: number): Behaviour =>
    (_, response, file) => {
      response.writeHead(200, { etag: '"1"', "content-length": file.length }).write(file.subarray(0, bytes));
    },
  silent: () => {},
  /** Header after header, without end. */
  async dripHeaders(_: IncomingMessage, response: ServerResponse) {
    const { socket } = response;
    socket?.write("HTTP/1.1 200 OK\r\nx: ");
    while (socket && !socket.destroyed) {
      socket.write("x");
      await sleep(10);
    }
  },
  notHttp: (_: IncomingMessage, response: ServerResponse) => response.socket?.end("220 mail ready\r\n"),
  reset: (_: IncomingMessage, response: ServerResponse) => response.socket?.resetAndDestroy(),
  /** A file of the right size with one other byte. */
  corrupt(request: IncomingMessage, response: ServerResponse, file: Buffer) {
    const other = Buffer.from(file);
    other[other.length >> 1]! ^= 1;
    ranges(request, response, other);
  },
  tooLong: (_: IncomingMessage, response: ServerResponse, file: Buffer) =>
    response.writeHead(200).end(Buffer.concat([file, file])),
  redirect:
    (location: string, status = 302): Behaviour =>
    (_, response) =>
      response.writeHead(status, { location }).end(),
  contentRange:
    (contentRange: string | undefined): Behaviour =>
    (_, response, file) =>
      response.writeHead(206, contentRange === undefined ? {} : { "content-range": contentRange }).end(file),
  gzip: (_: IncomingMessage, response: ServerResponse, file: Buffer) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(file)),
};

/** Bytes that repeat nowhere and are no HTML, the same each time. */
export function testFile(bytes: number): Buffer {
  const file = Buffer.alloc(bytes);
  for (let i = 0, x = 1; i < bytes; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    file[i] = i === 0 ? 0x80 : x >> 16;
  }
  return file;
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A line of the manifest for `file`; with `convolutions`, its so many first bytes have a hash too. */
export function entryOf(file: Buffer, mirrors: readonly string[], convolutions?: number): ManifestEntry {
  const part = file.subarray(0, convolutions);
  return {
    name: "net",
    title: "",
    mirrors,
    file: "net.pth",
    size: file.length,
    sha256: sha256Of(file),
    ...(convolutions === undefined ? {} : { convolutions: { bytes: part.length, sha256: sha256Of(part) } }),
    preprocessing: "torchvision",
    licence: "",
    source: "https://example.org/",
  };
}
