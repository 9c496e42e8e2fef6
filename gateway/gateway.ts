/**
 * One gateway: connections, requests, news, and an end that loses nothing. Its stores are given, so that tests and
 * machines choose them.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { Server, type ServerOptions } from "socket.io";
import type { RequestErrorCode } from "../protocol/protocol.ts";
import type { JobQueue } from "../stores/job-queue.ts";
import type { JobStore } from "../stores/job-store.ts";
import type { MessageQueue } from "../stores/message-queue.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { addressOf, createClients, isAllowedOrigin } from "./clients.ts";
import type { Config } from "./config.ts";
import { Delivery, type GatewayServer } from "./delivery.ts";
import { closer, httpListener, type Route } from "./http.ts";
import { JobService } from "./job-service.ts";
import type { Limits } from "./limits.ts";
import { Metrics } from "./metrics.ts";
import { handleNewsPatiently } from "./news.ts";
import { Reconciler, type Round } from "./reconciler.ts";
import { RequestFailure } from "./request-failure.ts";
import { answerRequests } from "./requests.ts";
import { Styles } from "./styles.ts";
import { every, everySoOften } from "./timing.ts";
import { Uploads } from "./uploads.ts";
import { Views } from "./views.ts";

/** For how long an answer of the stores to the question of readiness counts: balancers ask from many machines. */
const READY_MS = 5000;
const LOG_MS = 60_000;
const KEEP_ALIVE_MS = 125_000;

export interface GatewayParts {
  readonly config: Config;
  readonly secret: string;
  readonly log: Logger;
  readonly objects: ObjectStore;
  readonly jobs: JobStore;
  readonly queue: JobQueue;
  readonly messages: MessageQueue;
  readonly limits: Limits;
  /** An adapter for socket.io, where there are other gateways. */
  readonly adapter?: ServerOptions["adapter"];
  readonly routes?: readonly Route[];
  /** Milliseconds between rounds. */
  readonly sweepMs?: number;
  readonly reconcileMs?: number;
  readonly graceMs?: number;
}

export interface Gateway {
  readonly port: number;
  /**
   * Stops: takes nothing new, finishes what is at hand, closes connections so that clients go elsewhere, then the
   * stores.
   */
  close(): Promise<void>;
}

/** Starts a gateway that listens on the configuration's host and port. */
export async function startGateway(parts: GatewayParts): Promise<Gateway> {
  const { config, secret, log, objects, jobs, queue, messages, limits, adapter } = parts;
  let isOpen = true;
  const onError = (error: unknown, where: string) => {
    metrics.error(where);
    log.error({ err: error, where }, "something failed");
  };
  const io: GatewayServer = new Server({
    transports: ["websocket"], // one request, so that any gateway behind a balancer will do
    serveClient: false,
    maxHttpBufferSize: config["max-message-bytes"],
    pingInterval: 20_000,
    pingTimeout: 20_000,
    connectTimeout: 10_000,
    // While draining, clients are to go elsewhere at once.
    allowRequest: (request, decide) => decide(null, isOpen && isAllowedOrigin(request, config.origins)),
    ...(adapter === undefined ? {} : { adapter }),
  });
  const metrics = new Metrics({
    connections: () => io.engine?.clientsCount ?? 0,
    queueDepth: () => messages.depth(),
  });
  const views = new Views(objects, jobs);
  const delivery = new Delivery({
    io,
    jobs,
    views,
    hasPeers: adapter !== undefined,
    onError: (error) => onError(error, "delivery"),
  });
  const service = new JobService({
    jobs,
    objects,
    queue,
    secret,
    announce(record, isNews) {
      const { jobId, status, seq, failure } = record;
      if (isNews) log.info({ jobId, status, seq, failure }, "job changed");
      if (isNews) metrics.changed(record);
      delivery.announce(record);
    },
  });
  const clients = await createClients(config, secret);
  const requestParts = {
    config,
    limits,
    jobs,
    service,
    views,
    styles: new Styles(objects),
    uploads: new Uploads(objects, secret, config["max-image-bytes"]),
    isOpen: () => isOpen,
    repeat: delivery.repeat.bind(delivery),
    onRefused: (code: RequestErrorCode) => metrics.refused(code),
    onError,
  };
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
  io.on("connection", (socket) => answerRequests(socket, requestParts));

  const checkStores = everySoOften(READY_MS, () =>
    Promise.all([jobs.check(), objects.check(), queue.check(), messages.check()]),
  );
  const server = createServer(
    httpListener({
      metrics,
      routes: parts.routes ?? [],
      onError,
      async checkReady() {
        if (!isOpen) throw new Error("draining");
        await checkStores();
      },
    }),
  );
  // Longer than a load balancer keeps an idle connection: else it may send a request into one that is just being
  // closed.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 1000;
  io.attach(server);
  const closeServer = closer(server); // after socket.io, which hides its requests from listeners before it
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(config.port, config.host, resolve);
  });
  const sweeps = every(
    parts.sweepMs ?? 5000,
    () => delivery.sweep(),
    (error) => onError(error, "delivery"),
  );
  const closing = new AbortController();
  const newsOptions = { signal: closing.signal, onError: (error: unknown) => onError(error, "news") };
  const receiver = messages.receive(async (body, { sentAt }) => {
    await handleNewsPatiently(body, service, newsOptions);
    metrics.news(sentAt);
  });
  const reconciler = new Reconciler({
    jobs,
    queue,
    objects,
    service,
    ...(parts.graceMs === undefined ? {} : { graceMs: parts.graceMs }),
  });
  const logRound = everySoOften(LOG_MS, async (round: Round) => {
    const { oldestQueuedMs, ...active } = round;
    const oldestQueuedSeconds = Math.round(oldestQueuedMs / 1000);
    log.info({ ...active, oldestQueuedSeconds, connections: io.engine.clientsCount }, "jobs");
  });
  const rounds = every(
    parts.reconcileMs ?? 15_000,
    async () => {
      const round = await reconciler.run();
      metrics.round(round);
      await logRound(round);
    },
    (error) => onError(error, "reconciler"),
  );

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      isOpen = false; // readiness fails from now on, and no new job is taken
      const stopped = receiver.stop(); // before what is at hand may give up: else it would be taken again
      closing.abort();
      await settle([stopped, rounds.stop(), sweeps.stop()]);
      await settle([closeServer(), io.close()]); // socket.io finds it closed; its clients go elsewhere
      await settle([queue.close(), jobs.close()]);
    },
  };

  /** All of it, whatever fails. */
  async function settle(works: readonly Promise<unknown>[]): Promise<void> {
    for (const result of await Promise.allSettled(works))
      if (result.status === "rejected") onError(result.reason, "closing");
  }
}
