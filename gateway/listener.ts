/** How clients reach a gateway: websockets by socket.io, and plain HTTP, on one port. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerOptions } from "socket.io";
import { settled } from "../common/disposal.ts";
import { addressOf, type Clients, isAllowedOrigin } from "./clients.ts";
import type { Config } from "./config.ts";
import type { GatewayServer } from "./delivery.ts";
import { closer } from "./http.ts";
import { RequestFailure } from "./request-failure.ts";

const KEEP_ALIVE_MS = 125_000;

/** Websockets, not yet on a port. While `isOpen` says no, clients are to go elsewhere at once. */
export function createSocketServer(
  config: Config,
  isOpen: () => boolean,
  adapter: ServerOptions["adapter"] | undefined,
): GatewayServer {
  return new Server({
    transports: ["websocket"], // one request, so that any gateway behind a balancer will do
    serveClient: false,
    maxHttpBufferSize: config["max-message-bytes"],
    pingInterval: 20_000,
    pingTimeout: 20_000,
    connectTimeout: 10_000,
    allowRequest: (request, decide) => decide(null, isOpen() && isAllowedOrigin(request, config.origins)),
    ...(adapter === undefined ? {} : { adapter }),
  });
}

/** Lets in who can be told apart, and nobody else. */
export function identifyClients(io: GatewayServer, clients: Clients, config: Config): void {
  io.use((socket, next) => {
    clients
      .identify(addressOf(socket.request, config["trust-proxy"]), socket.handshake.auth.token)
      .then((client) => {
        socket.data.client = client;
        next();
      })
      .catch((error: unknown) =>
        next(error instanceof RequestFailure ? error : new RequestFailure("internal")),
      );
  });
}

export interface ListenOptions {
  readonly io: GatewayServer;
  readonly answer: RequestListener;
  readonly config: Config;
  /** Told what fails in the end. */
  readonly onError: (error: unknown) => void;
}

/** Listens on the configuration's host and port. The end closes connections, so that clients go elsewhere. */
export async function listen({ io, answer, config, onError }: ListenOptions) {
  const server = createServer(answer);
  // Longer than a load balancer keeps an idle connection: else it may send a request into one that is just being
  // closed.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 1000;
  io.attach(server);
  const closeServer = closer(server); // after socket.io, which hides its requests from listeners before it
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(config.port, config.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await settled([closeServer(), io.close()], onError); // socket.io finds it closed
    },
  };
}
