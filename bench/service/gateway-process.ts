/**
 * A gateway in a process of its own. Its job queue hands each job to the process that started it, which is the worker.
 */
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pino } from "pino";
import { Disposal } from "../../common/disposal.ts";
import { readConfig } from "../../gateway/config.ts";
import { type Gateway, startGateway } from "../../gateway/gateway.ts";
import { createLimits } from "../../gateway/limits.ts";
import { openRedis } from "../../gateway/redis.ts";
import type { JobQueue } from "../../stores/job-queue.ts";
import { LocalJobStore } from "../../stores/local-job-store.ts";
import { type Memory, serve, tell, usage } from "./processes.ts";
import { openStores, type StorePlaces } from "./stores.ts";

export interface GatewayRequest {
  readonly places: StorePlaces;
  readonly folder: string;
}

/** Told about "error"; a WorkerJob is told about "job". */
export interface GatewayError {
  readonly where: string;
  readonly message: string;
}

export type GatewayCalls = typeof calls;

const { places, folder }: GatewayRequest = JSON.parse(process.argv[2]!);
const delays = monitorEventLoopDelay({ resolution: 5 });

const queue: JobQueue = {
  async submit(job) {
    tell("job", job);
    return job.requestId;
  },
  describe: async (ids) => ids.map((id) => ({ id, state: "running" })),
  cancel: async () => {},
  check: async () => {},
  close: async () => {},
};

/** As `serve`, with the queue above; every client has an address of its own, as behind a balancer. */
async function start(): Promise<Gateway> {
  const { config } = readConfig(["--port", "0", "--trust-proxy", "1", "--jobs-per-minute", "1000"], {});
  let address = "";
  const report = (error: unknown, where: string) =>
    tell("error", { where, message: String(error) } satisfies GatewayError);
  const { objects, messages } = await openStores(
    places,
    folder,
    () => address,
    (error) => report(error, "store"),
  );
  const retentionSeconds = config["retention-days"] * 86_400;
  const redis =
    places.redis === undefined
      ? undefined
      : await openRedis({
          url: places.redis,
          retentionSeconds,
          onError: (error) => report(error, "redis"),
        });
  const closing = new Disposal();
  if (redis) closing.defer(() => redis.close());
  const jobs = redis?.jobs ?? new LocalJobStore({ folder: join(folder, "jobs"), retentionSeconds });
  closing.defer(() => jobs.close());
  const gateway = await startGateway({
    config,
    secret: "s".repeat(32),
    log: pino(
      { hooks: { logMethod: countErrors } },
      pino.destination({ dest: join(folder, `gateway-${process.pid}.log`), sync: true }),
    ),
    objects,
    messages,
    jobs,
    queue,
    limits: createLimits(config, redis?.connection),
    ...(redis === undefined ? {} : { adapter: redis.adapter }),
  });
  closing.defer(() => gateway.close());
  address = `http://127.0.0.1:${gateway.port}`;
  return { port: gateway.port, close: () => closing[Symbol.asyncDispose]() };

  /** Logs as usual, and tells of what is an error. */
  function countErrors(this: unknown, args: Parameters<pino.LogFn>, method: pino.LogFn, level: number) {
    const [about] = args as unknown as [{ err?: unknown; where?: string }];
    if (level >= 50) report(about.err, about.where ?? "gateway");
    method.apply(this as never, args);
  }
}

const gateway = await start();
const calls = {
  usage,
  /** `collect`: after the garbage is gone, which takes tens of milliseconds. */
  memory(collect: boolean): Memory {
    if (collect) globalThis.gc?.();
    const { rss, heapUsed: heap, external } = process.memoryUsage();
    return { rss, heap, external };
  },
  /** Event loop delays since the last time that they were asked for, milliseconds. */
  delays() {
    const seen = { p99: delays.percentile(99) / 1e6, max: delays.max / 1e6 };
    delays.reset();
    return seen;
  },
};
serve({ ...calls, close: () => gateway.close() });
delays.enable();
tell("ready", gateway.port);
