/**
 * One gateway: connections, requests, news, and an end that loses nothing. Its stores are given, so that tests and
 * machines choose them, and whoever gave them closes them.
 */
import type { Logger } from "pino";
import type { ServerOptions } from "socket.io";
import { opened } from "../common/disposal.ts";
import type { JobQueue } from "../stores/job-queue.ts";
import type { JobStore } from "../stores/job-store.ts";
import type { MessageQueue } from "../stores/message-queue.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { everySoOften, type Pace, startBackground } from "./background.ts";
import { createClients } from "./clients.ts";
import type { Config } from "./config.ts";
import { Delivery } from "./delivery.ts";
import { httpListener, type Route } from "./http.ts";
import { JobService } from "./job-service.ts";
import type { Limits } from "./limits.ts";
import { createSocketServer, identifyClients, listen } from "./listener.ts";
import { Metrics } from "./metrics.ts";
import { answerRequests } from "./requests.ts";
import { createUploads } from "./uploads.ts";
import { createViews } from "./views.ts";

/** For how long an answer of the stores to the question of readiness counts: balancers ask from many machines. */
const READY_MS = 5000;

/** What gateways work on; another that has the same tells its clients of the same jobs. */
export interface GatewayStores {
  /** Of the jobs' tokens. */
  readonly secret: string;
  readonly objects: ObjectStore;
  readonly jobs: JobStore;
  readonly queue: JobQueue;
  readonly messages: MessageQueue;
  readonly limits: Limits;
  /** An adapter for socket.io, where there are other gateways. */
  readonly adapter?: ServerOptions["adapter"];
}

export interface GatewayParts extends GatewayStores {
  readonly config: Config;
  readonly log: Logger;
  readonly routes?: readonly Route[];
  readonly pace?: Pace;
}

export interface Gateway {
  readonly port: number;
  /** Stops: takes nothing new, finishes what is at hand, closes connections so that clients go elsewhere. */
  close(): Promise<void>;
}

/** Starts a gateway that listens on the configuration's host and port. */
export async function startGateway(parts: GatewayParts): Promise<Gateway> {
  const works = assemble(parts);
  const { io, door, metrics, onError } = works;
  const onClosingError = (error: unknown) => onError(error, "closing");
  identifyClients(io, await createClients(parts.config, parts.secret), parts.config);
  io.on("connection", (socket) => answerRequests(socket, { ...parts, ...works }));
  const checkReady = readiness(parts, () => door.isOpen);
  const answer = httpListener({ metrics, routes: parts.routes ?? [], onError, checkReady });
  return opened(onClosingError, async (disposal) => {
    const { config, pace = {} } = parts;
    const { port } = disposal.use(await listen({ io, answer, config, onError: onClosingError }));
    const connections = () => io.engine.clientsCount;
    disposal.use(startBackground({ ...parts, ...works, pace, connections }));
    disposal.defer(() => {
      door.isOpen = false; // the first of all in the end
    });
    return { port, close: () => disposal[Symbol.asyncDispose]() };
  });
}

/** What the gateway is made of, none of which does anything yet. */
function assemble({ config, log, secret, objects, jobs, queue, messages, adapter }: GatewayParts) {
  // Until the gateway drains: then readiness fails, and no new job and no new client is taken.
  const door = { isOpen: true };
  const io = createSocketServer(config, () => door.isOpen, adapter);
  const metrics = new Metrics({
    connections: () => io.engine?.clientsCount ?? 0,
    queueDepth: () => messages.depth(),
  });
  const onError = (error: unknown, where: string) => {
    metrics.error(where);
    log.error({ err: error, where }, "something failed");
  };
  const views = createViews(objects, jobs);
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
  const uploads = createUploads(objects, secret, config["max-image-bytes"]);
  return { door, io, metrics, onError, views, delivery, service, uploads };
}

/** Throws with a reason while the gateway should get no new clients. */
function readiness({ jobs, objects, queue, messages }: GatewayParts, isOpen: () => boolean) {
  const checkStores = everySoOften(READY_MS, () =>
    Promise.all([jobs.check(), objects.check(), queue.check(), messages.check()]),
  );
  return async () => {
    if (!isOpen()) throw new Error("draining");
    await checkStores();
  };
}
