/** A real proxy for tests: CONNECT tunnels and forwarded http requests. It listens on 127.0.0.1 only. */
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";

interface Options {
  readonly refuse?: number;
  readonly silent?: boolean;
  readonly onRequest?: () => void;
}

export class TestProxy implements AsyncDisposable {
  /** "CONNECT host:port" or "GET address", with the Proxy-Authorization if there was one. */
  readonly requests: string[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** `refuse`: the status of every answer. `silent`: no answer at all. */
  static async start({ refuse, silent, onRequest = () => {} }: Options = {}): Promise<TestProxy> {
    const server = createServer((request, response) => {
      const { method, url = "", headers } = request;
      proxy.requests.push([method, url, headers["proxy-authorization"]].filter(Boolean).join(" "));
      if (silent) return;
      if (refuse !== undefined) {
        response.writeHead(refuse).end();
        return;
      }
      const forwarded = httpRequest(url, { headers, agent: false }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      forwarded.end();
    });
    server.on("connect", ({ url = "", headers }, socket) => {
      proxy.requests.push(["CONNECT", url, headers["proxy-authorization"]].filter(Boolean).join(" "));
      onRequest();
      proxy.#sockets.push(socket);
      socket.on("error", () => {});
      if (silent) return;
      if (refuse !== undefined) {
        socket.end(`HTTP/1.1 ${refuse} No\r\n\r\n`);
        return;
      }
      const { hostname, port } = new URL(`http://${url}`);
      const target = connect(Number(port), hostname, () => {
        socket.write("HTTP/1.1 200 Connected\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      target.on("error", () => socket.destroy());
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const proxy = new TestProxy(server);
    return proxy;
  }

  readonly #sockets: { destroy(): void }[] = [];

  get host(): string {
    return new URL(this.url).host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
  }
}
