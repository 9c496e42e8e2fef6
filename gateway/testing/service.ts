/** A whole service on this machine in a folder of its own, with the stand-in for the worker, for tests. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import sharp from "sharp";
import { nodeArguments, preloading } from "../../tests/programs.ts";
import { readConfig } from "../config.ts";
import type { Gateway } from "../gateway.ts";
import { serve } from "../serve.ts";
import { TestClient } from "./client.ts";
import { wideLimits } from "./process.ts";

/** Names that tell the stand-in what to do. */
export const testStyles = [
  "works.jpg",
  "fails.jpg",
  "crashes.jpg",
  "waits.jpg",
  "gated.jpg",
  "slow.jpg",
  "silent.jpg",
  "repeats.jpg",
];

/** Node's arguments for the worker in `file`, a path from the project's folder, whose processes WorkerWatch sees. */
export function watchedWorker(file: string): string[] {
  return [...preloading("gateway/testing/witness.ts"), nodeArguments(file).at(-1)!];
}

export const testWorker = watchedWorker("gateway/testing/worker.ts");

/** Short, so that no test waits. */
export const testPace = { sweepMs: 300, reconcileMs: 300, graceMs: 600 };

export class TestService implements AsyncDisposable {
  readonly folder: string;
  readonly #flags: readonly string[];
  readonly #clients: TestClient[] = [];
  #gateway: Gateway | undefined;

  private constructor(folder: string, flags: readonly string[]) {
    this.folder = folder;
    this.#flags = flags;
  }

  /** `flags` beside the test's own; limits are wide unless they say otherwise. */
  static async start(...flags: string[]): Promise<TestService> {
    const folder = await mkdtemp(join(tmpdir(), "stylize-service-"));
    await writeStyles(join(folder, "objects"));
    const service = new TestService(folder, flags);
    await service.startGateway();
    return service;
  }

  get port(): number {
    return this.#gateway!.port;
  }

  async startGateway(): Promise<void> {
    const own = ["--port", "0", "--data", this.folder, "--workers", "2", ...wideLimits];
    const { config } = readConfig([...own, ...this.#flags], {});
    const hasGpu = nodeArguments("worker/has-gpu.ts");
    const log = pino({ level: process.env.TEST_LOG ?? "silent" });
    this.#gateway = await serve({
      config,
      env: process.env,
      log,
      worker: testWorker,
      hasGpu,
      pace: testPace,
    });
  }

  async stopGateway(): Promise<void> {
    await this.#gateway?.close();
    this.#gateway = undefined;
  }

  /** A client that is disconnected in the end. */
  async client(options: ConstructorParameters<typeof TestClient>[1] = {}): Promise<TestClient> {
    const client = await TestClient.connect(this.port, options);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client[Symbol.dispose]();
    await this.stopGateway();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Puts the styles into a folder of objects. */
export async function writeStyles(folder: string): Promise<void> {
  await mkdir(join(folder, "style"), { recursive: true });
  const picture = await testPicture("navy");
  for (const name of testStyles) await writeFile(join(folder, "style", name), picture);
}

/** A small JPEG of one colour, with a line in its EXIF that nobody else should see. */
export function testPicture(background: string, width = 64, height = 48): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background } })
    .withExif({ IFD0: { Copyright: "a secret place" } })
    .jpeg()
    .toBuffer();
}
