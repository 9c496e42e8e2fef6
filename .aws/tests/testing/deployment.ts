/**
 * An environment on this machine: gateway and worker with the variables, roles, rules and policies that the templates
 * give them. What is replaced is where AWS is (the door of aws.ts), Redis' address, the port, and for the worker what
 * its image and machine have.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { SignJWT } from "jose";
import { ServiceClient } from "../../../client/index.ts";
import { Disposal } from "../../../common/disposal.ts";
import { until } from "../../../gateway/testing/client.ts";
import type { S3ObjectStore } from "../../../stores/s3-object-store.ts";
import { type BatchStandIn, startBatch } from "../../../stores/testing/batch.ts";
import { startRedis } from "../../../stores/testing/redis.ts";
import { type Fauxqs, startFauxqs } from "../../../stores/testing/s3.ts";
import { nodeArguments } from "../../../tests/programs.ts";
import { deployment, gatewayContainer, workerContainer } from "../deployment.ts";
import type { EnvironmentName } from "../parameters.ts";
import { batchOptions, callerOf, cloudFrontStatements, fill, send, storeOf } from "./account.ts";
import { AwsDoor, type Caller } from "./aws.ts";

/** The length of the secrets that the templates have made. */
const secret = (letter: string) => letter.repeat(64);

interface Parts {
  readonly environment: EnvironmentName;
  readonly door: AwsDoor;
  readonly batch: BatchStandIn;
  readonly fauxqs: Fauxqs;
  readonly queueUrl: string;
  readonly gateway: ChildProcess;
  readonly port: number;
  readonly callers: Readonly<Record<"gateway" | "worker", Caller>>;
  readonly owned: Disposal;
}

export class TestDeployment implements AsyncDisposable {
  readonly door: AwsDoor;
  readonly batch: BatchStandIn;
  readonly callers: Parts["callers"];
  /** Of the account's owner, who may do all. */
  readonly objects: S3ObjectStore;
  /** Lines that the gateway logged. */
  readonly log: string[] = [];
  readonly url: string;
  readonly #parts: Parts;
  readonly #clients: ServiceClient[] = [];

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.door = parts.door;
    this.batch = parts.batch;
    this.callers = parts.callers;
    this.url = `http://127.0.0.1:${parts.port}`;
    this.objects = storeOf(parts.environment, parts.fauxqs);
    createInterface({ input: parts.gateway.stderr! }).on("line", (line) => this.log.push(line));
  }

  static async start(environment: EnvironmentName): Promise<TestDeployment> {
    const owned = new Disposal();
    try {
      return await TestDeployment.#start(environment, owned);
    } catch (error) {
      await owned[Symbol.asyncDispose]();
      throw error;
    }
  }

  static async #start(environment: EnvironmentName, owned: Disposal): Promise<TestDeployment> {
    const folder = await mkdtemp(join(tmpdir(), "stylize-deployment-"));
    owned.defer(() => rm(folder, { recursive: true, force: true }));
    const root = deployment(environment);
    const [redis, fauxqs] = await Promise.all([
      startRedis({ password: secret("r"), tls: true }),
      startFauxqs(),
    ]);
    owned.use(redis);
    owned.use(fauxqs);
    const queueUrl = await fill(environment, fauxqs);
    const callers = {
      gateway: callerOf("GATEWAY", environment, "Service", "TaskRole"),
      worker: callerOf("WORKER", environment, "Compute", "JobRole"),
    };
    const tell = (event: object) => void send(fauxqs, queueUrl, JSON.stringify(event));
    // Batch is told where the door is, and the door where Batch is.
    const workerVariables: NodeJS.ProcessEnv = {};
    const batch = owned.use(await startBatch(batchOptions(environment, workerVariables, tell)));
    const door = owned.use(
      await AwsDoor.open({
        callers: Object.values(callers),
        everybody: cloudFrontStatements(environment),
        s3: fauxqs.endpoint,
        sqs: fauxqs.endpoint,
        batch: batch.options.endpoint,
        queue: {
          arn: String(root.nested("Data").output("NewsQueueArn")),
          url: String(root.output("NewsQueueUrl")),
          standIn: queueUrl,
        },
      }),
    );
    Object.assign(workerVariables, workerVariablesOf(environment, callers.worker, door));
    const ca = join(folder, "ca.pem");
    await writeFile(ca, redis.ca!);
    const port = await freePort();
    const gateway = startGateway({ environment, caller: callers.gateway, door, port, redis: redis.url, ca });
    owned.defer(async () => {
      if (gateway.exitCode === null && gateway.kill("SIGKILL")) await once(gateway, "exit");
    });
    const parts = { environment, door, batch, fauxqs, queueUrl, gateway, port, callers };
    const service = new TestDeployment({ ...parts, owned });
    try {
      const isReady = async () =>
        (await fetch(`${service.url}/readyz`).catch(() => undefined))?.status === 200;
      await until(async () => gateway.exitCode !== null || (await isReady()), "a gateway that is ready");
      if (gateway.exitCode !== null) throw new Error(`The gateway ended: ${service.log.join("\n")}`);
    } catch (error) {
      throw new Error([(error as Error).message, ...door.denied, ...service.log].join("\n"), {
        cause: error,
      });
    }
    return service;
  }

  /** A client with a login of its own, that is closed in the end. */
  async client(subject: string): Promise<ServiceClient> {
    const key = new TextEncoder().encode(secret("j"));
    const token = await new SignJWT({ sub: subject })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(key);
    const client = new ServiceClient(this.url, { token, inlineBytes: 10_000 });
    this.#clients.push(client);
    return client;
  }

  /** What CloudFront answers at an address of the service. */
  cloudFront(url: string): Promise<Response> {
    const { pathname } = new URL(url);
    const bucket = deployment(this.#parts.environment).output("BucketName");
    return fetch(`${this.door.endpoint}/${bucket}${pathname}`);
  }

  /** Puts a message into the queue of news, as it is. */
  publish(body: string): Promise<void> {
    return send(this.#parts.fauxqs, this.#parts.queueUrl, body);
  }

  /** The gateway's exit status after SIGTERM. */
  async stop(): Promise<number | null> {
    for (const client of this.#clients) client.close();
    const { gateway } = this.#parts;
    gateway.kill("SIGTERM");
    if (gateway.exitCode === null) await once(gateway, "exit");
    return gateway.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#parts.owned[Symbol.asyncDispose]();
  }
}

function signing({ accessKey }: Caller): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: "test" };
}

/** The container's variables, and what a machine without a GPU needs instead. */
function workerVariablesOf(environment: EnvironmentName, caller: Caller, { endpoint }: AwsDoor) {
  return {
    ...signing(caller),
    ...workerContainer(environment).environment,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ENDPOINT_URL_SQS: endpoint,
    STYLIZE_REQUIRE_GPU: "false",
    STYLIZE_WEIGHTS: "compact", // whatever was fetched on this machine
  };
}

function startGateway(options: {
  readonly environment: EnvironmentName;
  readonly caller: Caller;
  readonly door: AwsDoor;
  readonly port: number;
  readonly redis: string;
  readonly ca: string;
}): ChildProcess {
  const { environment, caller, door, port, redis, ca } = options;
  const container = gatewayContainer(environment);
  const values: Readonly<Record<string, string>> = {
    STYLIZE_SECRET: secret("t"),
    STYLIZE_JWT_SECRET: secret("j"),
    STYLIZE_REDIS_PASSWORD: secret("r"),
  };
  const env = {
    ...signing(caller),
    ...container.environment,
    ...Object.fromEntries(container.secrets.map((name) => [name, values[name]])),
    STYLIZE_REDIS: redis.replace(/\/\/.*@/, "//"),
    NODE_EXTRA_CA_CERTS: ca,
  };
  const endpoints = ["s3", "sqs", "batch"].flatMap((service) => [`--${service}-endpoint`, door.endpoint]);
  const flags = ["--port", String(port), ...endpoints];
  return spawn(process.execPath, [...nodeArguments("gateway/testing/main.ts"), ...flags], {
    env,
    stdio: ["pipe", "ignore", "pipe"],
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
