/**
 * News of jobs to the clients that wait for them, wherever they are connected.
 *
 * Each gateway tells its own clients, once a job: what has ended is remembered. Gateways hear of each other's news
 * through Redis' pub/sub, which loses what is said while a connection is away; so each also looks into the store now
 * and then for the jobs that its clients wait for, and for new public results.
 */
import type { Server } from "socket.io";
import { tracer } from "../common/trace.ts";
import { type ClientEvents, failureReasons, isTerminal, type ServerEvents } from "../protocol/protocol.ts";
import type { JobRecord, JobStore } from "../stores/job-store.ts";
import type { Views } from "./views.ts";

/** What gateways say to each other. */
export interface GatewayEvents {
  JOB_CHANGED(record: JobRecord): void;
}

export interface SocketData {
  client: string;
}

export type GatewayServer = Server<ClientEvents, ServerEvents, GatewayEvents, SocketData>;

/** Jobs of which it is remembered what was told. */
const REMEMBERED = 50_000;
/** Public results looked at in a sweep. */
const FEED_LOOK = 50;

const trace = tracer("gateway:delivery");

const ROOM = "job:";
export const roomOf = (jobId: string): string => ROOM + jobId;

export interface DeliveryParts {
  readonly io: GatewayServer;
  readonly jobs: JobStore;
  readonly views: Views;
  /** Whether there are other gateways, reached through the server's adapter. */
  readonly hasPeers: boolean;
  readonly onError: (error: unknown) => void;
}

export class Delivery {
  readonly #parts: DeliveryParts;
  /** Job -> last `seq` told here; Infinity once it has ended. In the order of insertion. */
  readonly #told = new Map<string, number>();
  readonly #since = Date.now();

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    parts.io.on("JOB_CHANGED", (record) => this.#tell(record));
  }

  /** Tells clients here and everywhere. Telling the same again does nothing. */
  announce(record: JobRecord): void {
    this.#tell(record);
    if (this.#parts.hasPeers) this.#parts.io.serverSideEmit("JOB_CHANGED", record);
  }

  /** Tells one connection how a job has ended, though others were told before. */
  repeat(record: JobRecord, socketId: string): void {
    this.#emitEnd(record, socketId).catch(this.#parts.onError);
  }

  /** Tells what is in the store and was not heard of; to be done every so often. */
  async sweep(): Promise<void> {
    const { io, jobs } = this.#parts;
    for (const room of io.of("/").adapter.rooms.keys()) {
      const jobId = room.slice(ROOM.length);
      if (!room.startsWith(ROOM) || this.#told.get(jobId) === Number.POSITIVE_INFINITY) continue;
      const record = await jobs.get(jobId);
      if (!record) continue;
      // others may have left the queue: its place is news
      if (record.status === "queued") this.#told.delete(record.jobId);
      this.#tell(record);
    }
    const { records } = await jobs.feed({ limit: FEED_LOOK });
    for (const record of records) if (record.endedAt! >= this.#since) this.#tell(record);
  }

  #tell(record: JobRecord): void {
    const { jobId, seq, status } = record;
    if (seq <= (this.#told.get(jobId) ?? 0)) return;
    this.#remember(jobId, isTerminal(status) ? Number.POSITIVE_INFINITY : seq);
    this.#emit(record).catch(this.#parts.onError);
  }

  #remember(jobId: string, seq: number): void {
    this.#told.delete(jobId);
    this.#told.set(jobId, seq);
    if (this.#told.size <= REMEMBERED) return;
    const [oldest] = this.#told.keys();
    this.#told.delete(oldest!);
  }

  async #emit(record: JobRecord): Promise<void> {
    const { io, views } = this.#parts;
    const { jobId, status, isPrivate } = record;
    const room = roomOf(jobId);
    const isWaited = io.of("/").adapter.rooms.has(room);
    trace(() => `${jobId} ${status}, seq ${record.seq}, ${isWaited ? "is told" : "is nobody's here"}`);
    if (!isTerminal(status)) {
      if (isWaited) io.local.volatile.to(room).emit(`JOB_PROGRESS::${jobId}`, await views.progress(record));
      return;
    }
    if (isWaited) await this.#emitEnd(record, room);
    io.local.in(room).socketsLeave(room); // that was all; a client that stays connected collects no rooms
    if (status !== "succeeded") return;
    views.learn(record);
    if (!isPrivate) io.local.emit("TRANSFER_STYLE_COMPLETED", views.image(record));
  }

  async #emitEnd(record: JobRecord, room: string): Promise<void> {
    const { io, views } = this.#parts;
    const { jobId, status, failure = "internal" } = record;
    if (status === "succeeded") {
      const result = await views.result(record);
      io.local.to(room).emit(`TRANSFER_STYLE_COMPLETED::${jobId}`, { result });
      return;
    }
    const code = status === "cancelled" ? status : failure;
    const message = code === "cancelled" ? "The job was cancelled." : failureReasons[code];
    io.local.to(room).emit(`TRANSFER_STYLE_FAILED::${jobId}`, { code, message });
  }
}
