/** One load test: starts everything, loads it, and gathers what was seen. */

import { mkdirSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import sharp from "sharp";
import { Disposal } from "../../common/disposal.ts";
import { cleanPicture } from "../../gateway/pictures.ts";
import { keys, type WorkerJob } from "../../protocol/protocol.ts";
import { startRedis, type TestRedis } from "../../stores/testing/redis.ts";
import { withFolder } from "../processes.ts";
import type { ClientCalls, ClientRequest } from "./client-process.ts";
import type { CloudCalls } from "./cloud-process.ts";
import { deliveriesOf, type LoadResult, memoryOf, share } from "./figures.ts";
import type { GatewayCalls, GatewayError, GatewayRequest } from "./gateway-process.ts";
import type { LoadOptions } from "./options.ts";
import { Child, type Memory, type Usage, usage } from "./processes.ts";
import { type CloudPlace, openStores, type StorePlaces } from "./stores.ts";
import { StandInWorker } from "./worker.ts";

type Gateway = Child<GatewayCalls, number>;
type Clients = Child<ClientCalls>;
type Cloud = Child<CloudCalls, CloudPlace>;

const STYLE = "plain.jpg";
const SAMPLE_MS = 1000;
/** No news for so long, and what is missing will not come. */
const PATIENCE_MS = 20_000;
/** Longer than a gateway's sweep, which could say something twice. */
const AFTERMATH_MS = 7000;

/** `say` is told what happens. */
export function runLoad(options: LoadOptions, say: (text: string) => void): Promise<LoadResult> {
  return withFolder(async (folder) => {
    await using stack = new Disposal();
    const errors: Record<string, number> = {};
    const onError = (error: unknown, where: string) => {
      const sentence = `${where}: ${error}`.replace(/[0-9a-f]{32}/g, "<jobId>");
      errors[sentence] = (errors[sentence] ?? 0) + 1;
    };
    const redis = options.stores === "local" ? undefined : stack.use(await startRedis());
    const cloud =
      options.stores === "cloud" ? stack.use<Cloud>(new Child("cloud-process.ts", {})) : undefined;
    const places: StorePlaces = {
      ...(redis === undefined ? {} : { redis: redis.url }),
      ...(cloud === undefined ? {} : { cloud: await cloud.ready }),
    };
    const stores = await openStores(
      places,
      folder,
      () => "",
      (error) => onError(error, "worker"),
    );
    const picture = await plainPicture().jpeg().toBuffer();
    await stores.objects.put(keys.style(STYLE), picture, { contentType: "image/jpeg" });
    const { work, progress } = options;
    const result = await plainPicture().png().toBuffer();
    const worker = new StandInWorker(stores, { work, progress, result });
    const hear = (about: string, value: WorkerJob & GatewayError) => {
      if (about === "job") worker.take(value);
      else if (about === "error") onError(value.message, value.where);
    };
    const pictureMs = await millisecondsOfPicture(picture);

    say(`starting ${options.gateways} gateway(s)`);
    const gateways: Gateway[] = [];
    const ports: number[] = [];
    for (let i = 0; i < options.gateways; i++) {
      const request: GatewayRequest = { places, folder };
      const gateway: Gateway = new Child("gateway-process.ts", request, hear, gatewayArgs(options));
      gateways.push(stack.use(gateway));
      ports.push(await gateway.ready);
    }
    say(`connecting ${options.clients} clients`);
    const clients = await startClients(stack, options, ports, picture);
    const parts: Parts = { options, gateways, clients, worker, redis, cloud };
    const measured = await measure(parts, say);
    say("waiting for what is under way");
    await settled(parts);
    const reports = await Promise.all(clients.map((each) => each.call("report")));
    await Promise.all(clients.map((each) => each.close()));
    await Promise.all(gateways.map((each) => each.close()));
    for (const error of worker.errors) onError(error, "worker");
    return {
      ...measured,
      deliveries: deliveriesOf(reports, worker.publishedAt, {
        clients: options.clients,
        from: measured.from,
      }),
      pictureCpu: (pictureMs * options.rate) / 10,
      errors,
    };
  });
}

interface Parts {
  readonly options: LoadOptions;
  readonly gateways: readonly Gateway[];
  readonly clients: readonly Clients[];
  readonly worker: StandInWorker;
  readonly redis: TestRedis | undefined;
  readonly cloud: Cloud | undefined;
}

/** The load itself, with readings of CPU and memory. */
async function measure(parts: Parts, say: (text: string) => void) {
  const { options, gateways, clients } = parts;
  const { rate, seconds, warmUp, publicEvery } = options;
  const load: [number, number] = [loadavg()[0]!, 0];
  const begin = Date.now() + 500;
  const [from, to] = [begin + warmUp * 1000, begin + (warmUp + seconds) * 1000];
  say(`${rate} jobs a second for ${warmUp} + ${seconds} s`);
  const loads = clients.map((each, i) =>
    each.call("load", {
      rate: rate / clients.length,
      from: begin,
      to,
      publicEvery: i === 0 ? publicEvery * 1000 : 0,
    }),
  );
  await sleep(from - Date.now());
  await Promise.all(gateways.map((each) => each.call("delays")));
  const before = await readUsage(parts);
  const startedAt = Date.now();
  const samples: Memory[][] = gateways.map(() => []);
  const middle = from + (seconds * 1000) / 2;
  let atMiddle: Memory[] | undefined;
  for (let next = from + SAMPLE_MS; next < to; next += SAMPLE_MS) {
    await sleep(Math.max(0, next - Date.now()));
    const collect = atMiddle === undefined && next >= middle;
    const now = await readMemory(gateways, collect);
    if (collect) atMiddle = now;
    for (const [i, memory] of now.entries()) samples[i]!.push(memory);
  }
  await sleep(Math.max(0, to - Date.now()));
  const after = await readUsage(parts);
  const ms = Date.now() - startedAt;
  const delays = await Promise.all(gateways.map((each) => each.call("delays")));
  load[1] = loadavg()[0]!;
  const atEnd = await readMemory(gateways, true);
  await Promise.all(loads);
  return {
    from,
    cpu: Object.fromEntries(
      Object.keys(before).map((name) => [name, share(before[name]!, after[name]!, ms)]),
    ),
    memory: samples.map((some, i) => memoryOf(some, [atMiddle![i]!, atEnd[i]!])),
    memorySamples: samples,
    loop: delays,
    load: load as readonly [number, number],
  };
}

function readMemory(gateways: readonly Gateway[], collect: boolean): Promise<Memory[]> {
  return Promise.all(gateways.map((each) => each.call("memory", collect)));
}

/** By name of the process. */
async function readUsage({ gateways, clients, redis, cloud }: Parts): Promise<Record<string, Usage>> {
  const all: Record<string, Usage> = {};
  for (const [i, each] of gateways.entries()) all[`gateway ${i + 1}`] = await each.call("usage");
  for (const [i, each] of clients.entries()) all[`clients ${i + 1}`] = await each.call("usage");
  all.worker = usage();
  if (redis) all.redis = await redisUsage(redis.url);
  if (cloud) all.cloud = await cloud.call("usage");
  return all;
}

async function redisUsage(url: string): Promise<Usage> {
  const client = new Redis(url);
  try {
    const info = await client.info("cpu");
    const seconds = (name: string) => Number(new RegExp(`^${name}:(.*)`, "m").exec(info)?.[1]);
    return { user: 1000 * seconds("used_cpu_user"), system: 1000 * seconds("used_cpu_sys") };
  } finally {
    client.disconnect();
  }
}

/** Until nothing is missing, or nothing more comes; then for as long as something could come twice. */
async function settled({ clients, worker }: Parts): Promise<void> {
  const count = async () => {
    const counts = await Promise.all(clients.map((each) => each.call("missing")));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  let missing = Number.POSITIVE_INFINITY;
  let changedAt = Date.now();
  while (missing > 0 && Date.now() < changedAt + PATIENCE_MS) {
    await sleep(250);
    const now = await count();
    if (now !== missing || worker.busy > 0) changedAt = Date.now();
    missing = now;
  }
  await sleep(AFTERMATH_MS);
}

function gatewayArgs({ cpuProf }: LoadOptions): string[] {
  if (cpuProf === undefined) return ["--expose-gc"];
  mkdirSync(cpuProf, { recursive: true });
  return ["--expose-gc", "--cpu-prof", `--cpu-prof-dir=${cpuProf}`];
}

async function startClients(
  stack: Disposal,
  { clients, clientProcesses }: LoadOptions,
  ports: readonly number[],
  picture: Buffer,
): Promise<Clients[]> {
  const image = `data:image/jpeg;base64,${picture.toString("base64")}`;
  const ranks = Array.from({ length: clientProcesses + 1 }, (_, i) =>
    Math.round((i * clients) / clientProcesses),
  );
  const all = ranks.slice(1).map((end, i): Clients => {
    const first = ranks[i]!;
    const request: ClientRequest = { ports, clients: end - first, first, image, style: STYLE };
    return stack.use(new Child("client-process.ts", request));
  });
  await Promise.all(all.map((each) => each.ready));
  return all;
}

/** The smallest that the service takes. */
function plainPicture() {
  return sharp({ create: { width: 32, height: 32, channels: 3, background: "teal" } });
}

/** CPU milliseconds of one picture, which sharp spends on threads that no profile shows. */
async function millisecondsOfPicture(picture: Uint8Array): Promise<number> {
  const limits = { maxBytes: 1_000_000, maxPixels: 1_000_000 };
  const [rounds, atOnce] = [100, 4];
  const round = () => Promise.all(Array.from({ length: atOnce }, () => cleanPicture(picture, limits)));
  await round();
  const before = usage();
  for (let i = 0; i < rounds; i++) await round();
  const after = usage();
  return (after.user + after.system - before.user - before.system) / (rounds * atOnce);
}
