/**
 * What gateways find in the cloud, for tests: a real Redis, S3 and SQS over the wire, Batch's stand-in with the
 * stand-in for the worker; and gateways as processes of their own.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { keys } from "../../protocol/protocol.ts";
import { maxReceives } from "../../stores/message-queue.ts";
import { S3ObjectStore } from "../../stores/s3-object-store.ts";
import { type BatchStandIn, startBatch } from "../../stores/testing/batch.ts";
import { startRedis, type TestRedis } from "../../stores/testing/redis.ts";
import { type Fauxqs, startFauxqs } from "../../stores/testing/s3.ts";
import { GatewayProcess, WorkerWatch } from "./process.ts";
import { TestProxy } from "./proxy.ts";
import { testPicture, testStyles, testWorker } from "./service.ts";

const bucket = "pictures";
const news = "news";
const deadNews = "news-dead";

export class TestCloud implements AsyncDisposable {
  readonly redis: TestRedis;
  readonly batch: BatchStandIn;
  readonly workers: WorkerWatch;
  /** Between gateways, and they alone, and S3 and SQS. */
  readonly aws: TestProxy;
  /** The same for workers. */
  readonly workersAws: TestProxy;
  readonly objects: S3ObjectStore;
  readonly #fauxqs: Fauxqs;
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #gateways: GatewayProcess[] = [];
  readonly #folder: string;

  private constructor(parts: {
    readonly redis: TestRedis;
    readonly fauxqs: Fauxqs;
    readonly batch: BatchStandIn;
    readonly workers: WorkerWatch;
    readonly aws: TestProxy;
    readonly workersAws: TestProxy;
    readonly queueUrl: string;
    readonly folder: string;
  }) {
    const { redis, fauxqs, batch, workers, aws, workersAws, queueUrl, folder } = parts;
    this.redis = redis;
    this.batch = batch;
    this.workers = workers;
    this.aws = aws;
    this.workersAws = workersAws;
    const { endpoint, region, credentials } = fauxqs;
    this.objects = new S3ObjectStore({ bucket, endpoint, region, credentials });
    this.#sqs = new SQSClient({ endpoint, region, credentials });
    this.#fauxqs = fauxqs;
    this.#queueUrl = queueUrl;
    this.#folder = folder;
  }

  /** A message is put aside after so many tries. `worker`: Node's arguments for another worker than the stand-in. */
  static async start(receives = maxReceives, worker: readonly string[] = testWorker): Promise<TestCloud> {
    const folder = await mkdtemp(join(tmpdir(), "stylize-cloud-"));
    await mkdir(join(folder, "workers"));
    const workers = new WorkerWatch(join(folder, "workers"));
    const [redis, fauxqs] = await Promise.all([startRedis(), startFauxqs()]);
    fauxqs.server.createBucket(bucket);
    const { queueArn } = fauxqs.server.createQueue(deadNews);
    const redrive = JSON.stringify({ deadLetterTargetArn: queueArn, maxReceiveCount: receives });
    const { queueUrl } = fauxqs.server.createQueue(news, { attributes: { RedrivePolicy: redrive } });
    const parameters = ["contentKey", "style", "requestId", "options"].map((name) => `Ref::${name}`);
    const port = Number(new URL(fauxqs.endpoint).port);
    const [aws, workersAws] = await Promise.all([TestProxy.start(port), TestProxy.start(port)]);
    const batch = await startBatch({
      command: [process.execPath, ...worker, ...parameters],
      env: {
        ...process.env,
        ...fauxqs.environment,
        AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${workersAws.port}`,
        AWS_ENDPOINT_URL_SQS: `http://127.0.0.1:${workersAws.port}`,
        ...workers.env,
        STYLIZE_OBJECTS: `s3://${bucket}`,
        STYLIZE_QUEUE: queueUrl,
        STYLIZE_WEIGHTS: "generated",
        STYLIZE_REQUIRE_GPU: "false",
      },
      concurrency: 12,
    });
    const cloud = new TestCloud({ redis, fauxqs, batch, workers, aws, workersAws, queueUrl, folder });
    const picture = await testPicture("navy");
    for (const name of testStyles)
      await cloud.objects.put(keys.style(name), picture, { contentType: "image/jpeg" });
    return cloud;
  }

  /** One more gateway, on these stores. */
  async gateway(...flags: string[]): Promise<GatewayProcess> {
    const endpoint = `http://127.0.0.1:${this.aws.port}`;
    const { options } = this.batch;
    const own = {
      redis: this.redis.url,
      secret: "the same for all gateways of this test",
      bucket,
      "s3-endpoint": endpoint,
      "sqs-endpoint": endpoint,
      "queue-url": this.#queueUrl,
      "batch-queue": options.jobQueue,
      "batch-definition": options.jobDefinition,
      "batch-endpoint": options.endpoint,
      region: options.region,
      data: join(this.#folder, "data"),
    };
    const all = Object.entries(own).flatMap(([name, value]) => [`--${name}`, value]);
    const gateway = await GatewayProcess.start([...all, ...flags], this.#fauxqs.environment);
    this.#gateways.push(gateway);
    return gateway;
  }

  /** Lets the workers of "gated.jpg" go on. */
  async openGate(): Promise<void> {
    await writeFile(this.workers.env.TEST_GATE, "");
  }

  async closeGate(): Promise<void> {
    await rm(this.workers.env.TEST_GATE, { force: true });
  }

  /** Puts a message into the queue, as it is. */
  async publish(body: string): Promise<void> {
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#queueUrl, MessageBody: body }));
  }

  /** Messages that wait or are being handled. */
  left(): string[] {
    const { ready, delayed, inflight } = this.#fauxqs.server.inspectQueue(news)!.messages;
    return [...ready, ...delayed, ...inflight.map(({ message }) => message)].map(({ body }) => body);
  }

  /** Messages that a gateway has and has not done with. */
  handled(): number {
    return this.#fauxqs.server.inspectQueue(news)!.messages.inflight.length;
  }

  /** Messages that were put aside. */
  dead(): string[] {
    return this.#fauxqs.server.inspectQueue(deadNews)!.messages.ready.map(({ body }) => body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.#gateways) await gateway[Symbol.asyncDispose]();
    await this.batch[Symbol.asyncDispose]();
    this.#sqs.destroy();
    await Promise.all([this.aws, this.workersAws].map((proxy) => proxy[Symbol.asyncDispose]()));
    await Promise.all([this.redis, this.#fauxqs].map((part) => part[Symbol.asyncDispose]()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
