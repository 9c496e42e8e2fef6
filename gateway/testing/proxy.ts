/**
 * A TCP proxy between two processes, for tests of what happens when a network does not carry: it passes, holds, or
 * cuts.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** "hold": connections are taken and stay, but nothing goes through. "cut": they break, and new ones break at once. */
export type ProxyMode = "pass" | "hold" | "cut";

export class TestProxy implements AsyncDisposable {
  /** Port of 127.0.0.1 that it leads to; new connections go there. */
  target: number;
  /** Bytes that came from there and went on, all connections together. */
  bytes = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #mode: ProxyMode = "pass";

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.target = target;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async start(target: number): Promise<TestProxy> {
    const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TestProxy(server, target);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * Holds for the connections that there are as for new ones. What was held goes through as soon as it passes again.
   */
  set(mode: ProxyMode): void {
    this.#mode = mode;
    for (const [a, b] of this.#pairs) {
      if (mode === "cut") for (const socket of [a, b]) socket.destroy();
      else for (const socket of [a, b]) mode === "hold" ? socket.pause() : socket.resume();
    }
  }

  #accept(client: Socket): void {
    if (this.#mode === "cut") return void client.destroy();
    const server = connect(this.target, "127.0.0.1");
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    server.on("data", ({ length }) => {
      this.bytes += length;
    });
    for (const [from, to] of [pair, [server, client] as const]) {
      from.on("data", (data) => to.write(data));
      from.on("end", () => to.end());
      from.on("error", () => {});
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
      if (this.#mode === "pass") from.resume();
      else from.pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.set("cut");
    this.#server.close();
    await once(this.#server, "close");
  }
}
