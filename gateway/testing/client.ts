/** A client as the pages are one, for tests. */
import { setTimeout as sleep } from "node:timers/promises";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import type {
  Accepted,
  ClientEvents,
  JobReference,
  JobView,
  RequestError,
  ServerEvents,
} from "../../protocol/protocol.ts";

/** Longer than anything takes, shorter than a test's own limit. */
const PATIENCE_MS = 60_000;

export interface Heard {
  readonly event: string;
  readonly value: unknown;
}

export class TestClient implements Disposable {
  readonly socket: Socket<ServerEvents, ClientEvents>;
  /** Everything that the gateway sent, in order. */
  readonly heard: Heard[] = [];

  constructor(port: number, options: Partial<ManagerOptions & SocketOptions> = {}) {
    this.socket = io(`http://127.0.0.1:${port}`, {
      transports: ["websocket"],
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      forceNew: true,
      ...options,
    });
    this.socket.onAny((event: string, value: unknown) => this.heard.push({ event, value }));
  }

  static async connect(
    port: number,
    options: Partial<ManagerOptions & SocketOptions> = {},
  ): Promise<TestClient> {
    const client = new TestClient(port, options);
    await new Promise<void>((resolve, reject) => {
      client.socket.once("connect", resolve);
      client.socket.once("connect_error", reject);
    }).catch((error: unknown) => {
      client.socket.disconnect();
      throw error;
    });
    return client;
  }

  /** The answer to a request, whatever it is. */
  async ask(event: keyof ClientEvents, request?: unknown): Promise<unknown> {
    return this.socket.timeout(PATIENCE_MS).emitWithAck(event, request as never);
  }

  /** The answer to a request that must not be refused. */
  async get<T>(event: keyof ClientEvents, request?: unknown): Promise<T> {
    const answer = (await this.ask(event, request)) as T | RequestError;
    if (answer && typeof answer === "object" && "error" in answer)
      throw new Error(`Expected an answer to ${event} but received ${answer.error.code}.`);
    return answer as T;
  }

  start(request: object): Promise<Accepted> {
    return this.get<Accepted>("TRANSFER_STYLE", request);
  }

  async job(reference: JobReference): Promise<JobView> {
    const { jobId, token } = reference;
    return (await this.get<{ job: JobView }>("GET_JOB", { jobId, token })).job;
  }

  /** All that was heard under a name. */
  all(event: string): unknown[] {
    return this.heard.filter((one) => one.event === event).map(({ value }) => value);
  }

  /** The first that is heard under a name, from the beginning on. */
  async next(event: string): Promise<unknown> {
    await until(() => this.all(event).length > 0, `'${event}'`);
    return this.all(event)[0];
  }

  [Symbol.dispose](): void {
    this.socket.disconnect();
  }
}

/** Waits until `condition` holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Expected ${what} within ${patienceMs / 1000} s.`);
    await sleep(20);
  }
}

/** A picture file as a data URL. */
export function dataUrl(bytes: Uint8Array, type = "image/jpeg"): string {
  return `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;
}
