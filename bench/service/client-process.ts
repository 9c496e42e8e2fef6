/** Clients in a process of their own: they connect, ask for jobs in turn, and note everything that comes. */
import { setTimeout as sleep } from "node:timers/promises";
import { io, type Socket } from "socket.io-client";
import type {
  Accepted,
  ClientEvents,
  RequestError,
  ServerEvents,
  TransferStyle,
} from "../../protocol/protocol.ts";
import { type BroadcastSeen, type ClientReport, type JobSeen, serve, tell, usage } from "./processes.ts";

export interface ClientRequest {
  /** One is chosen for each client in turn. */
  readonly ports: readonly number[];
  readonly clients: number;
  /** Number of the first of them among all. */
  readonly first: number;
  /** Data URL. */
  readonly image: string;
  readonly style: string;
}

interface Load {
  /** Jobs a second. */
  readonly rate: number;
  /** When it begins and ends. */
  readonly from: number;
  readonly to: number;
  /** Milliseconds between public jobs; 0 for none. */
  readonly publicEvery: number;
}

export type ClientCalls = typeof calls;

const request: ClientRequest = JSON.parse(process.argv[2]!);
const TICK_MS = 5;
const PATIENCE_MS = 30_000;
/** Clients that connect at the same time. */
const AT_ONCE = 25;

const COMPLETED = "TRANSFER_STYLE_COMPLETED";
const sockets: Socket<ServerEvents, ClientEvents>[] = [];
const accepted = new Map<
  string,
  Omit<JobSeen, "completedAt" | "completions"> & { readonly client: number }
>();
/** What came, whether or not the job's acceptance has come yet. */
const completions = new Map<string, { client: number; at: number }[]>();
const broadcasts = new Map<string, { lastAt: number; clients: Set<number>; duplicates: number }>();
const refused: Record<string, number> = {};
let [failures, disconnects, pending] = [0, 0, 0];

const calls = {
  load,
  usage,
  /** How many completions are missing. */
  missing: () => [...accepted.keys()].filter((jobId) => !completions.has(jobId)).length,
  report,
};

serve({
  ...calls,
  close() {
    for (const socket of sockets) socket.disconnect();
  },
});
for (let i = 0; i < request.clients; i += AT_ONCE)
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, request.clients - i) }, (_, k) => connect(i + k)));
tell("ready");

async function connect(client: number): Promise<void> {
  const { ports, first } = request;
  const number = first + client;
  const socket: Socket<ServerEvents, ClientEvents> = io(`http://127.0.0.1:${ports[number % ports.length]}`, {
    transports: ["websocket"],
    forceNew: true,
    extraHeaders: { "x-forwarded-for": `10.0.${number >> 8}.${number & 255}` },
  });
  sockets[client] = socket;
  socket.onAny((event: string, value: unknown) => note(client, event, value));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  socket.on("disconnect", (reason) => {
    if (reason !== "io client disconnect") disconnects++;
  });
}

function note(client: number, event: string, value: unknown): void {
  const at = Date.now();
  if (event === COMPLETED) noteBroadcast(client, at, (value as { jobId: string }).jobId);
  else if (event.startsWith(`${COMPLETED}::`)) {
    const jobId = event.slice(COMPLETED.length + 2);
    const seen = completions.get(jobId);
    if (seen) seen.push({ client, at });
    else completions.set(jobId, [{ client, at }]);
  } else if (event.startsWith("TRANSFER_STYLE_FAILED::")) failures++;
}

function noteBroadcast(client: number, at: number, jobId: string): void {
  const seen = broadcasts.get(jobId) ?? { lastAt: at, clients: new Set<number>(), duplicates: 0 };
  broadcasts.set(jobId, seen);
  if (seen.clients.has(client)) seen.duplicates++;
  seen.clients.add(client);
  seen.lastAt = at;
}

/** Open loop: jobs are sent when they are due, however long the answers take. */
async function load({ rate, from, to, publicEvery }: Load): Promise<void> {
  let [sent, published] = [0, 0];
  while (Date.now() < to) {
    const elapsed = Date.now() - from;
    for (const due = (elapsed * rate) / 1000; sent < due; sent++) {
      const isPublic = publicEvery > 0 && elapsed >= (published + 0.5) * publicEvery;
      if (isPublic) published++;
      void send(sent % request.clients, isPublic);
    }
    await sleep(TICK_MS);
  }
  while (pending > 0) await sleep(TICK_MS);
}

async function send(client: number, isPublic: boolean): Promise<void> {
  const { image, style } = request;
  const sentAt = Date.now();
  pending++;
  try {
    const job: TransferStyle = { image, style, isPrivate: !isPublic };
    const answer = (await sockets[client]!.timeout(PATIENCE_MS).emitWithAck("TRANSFER_STYLE", job)) as
      | Accepted
      | RequestError;
    if ("error" in answer) return refuse(answer.error.code);
    const { jobId } = answer;
    accepted.set(jobId, { jobId, client, isPublic, sentAt, acceptedAt: Date.now() });
  } catch {
    refuse("no answer");
  } finally {
    pending--;
  }
}

function refuse(code: string): void {
  refused[code] = (refused[code] ?? 0) + 1;
}

function report(): ClientReport {
  const jobs = [...accepted.values()].map(({ client, ...job }): JobSeen => {
    const own = (completions.get(job.jobId) ?? []).filter((one) => one.client === client);
    return { ...job, completedAt: own[0]?.at, completions: own.length };
  });
  const all = [...completions.values()].reduce((sum, { length }) => sum + length, 0);
  return {
    jobs,
    broadcasts: [...broadcasts].map(
      ([jobId, { lastAt, clients, duplicates }]): BroadcastSeen => ({
        jobId,
        lastAt,
        clients: clients.size,
        duplicates,
      }),
    ),
    strays: all - jobs.reduce((sum, job) => sum + job.completions, 0),
    failures,
    refused,
    disconnects,
  };
}
