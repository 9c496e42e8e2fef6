/** For tests: what a worker talks to, in a folder of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp, { type Sharp } from "sharp";
import { noisePicture } from "../../engine/picture.ts";
import { encodePicture } from "../../pictures/index.ts";
import { keys, type WorkerJob, type WorkerMessage } from "../../protocol/protocol.ts";
import { workerMessageSchema } from "../../protocol/schemas.ts";
import { FileMessageQueue } from "../../stores/file-message-queue.ts";
import { FileObjectStore } from "../../stores/file-object-store.ts";
import type { Receiver } from "../../stores/message-queue.ts";
import { hugePng } from "../../tests/huge-picture.ts";

export const style = "noise.png";

export class TestService implements AsyncDisposable {
  readonly objects: FileObjectStore;
  readonly queue: FileMessageQueue;
  /** What workers said so far, in the order in which it came. */
  readonly messages: WorkerMessage[] = [];
  readonly #folder: string;
  #receiver: Receiver;
  #jobs = 0;

  private constructor(folder: string, objects: FileObjectStore) {
    this.#folder = folder;
    this.objects = objects;
    this.queue = new FileMessageQueue(join(folder, "queue"), { pollMs: 50 });
    this.#receiver = this.#receive();
  }

  #receive(): Receiver {
    return this.queue.receive(async (body) => {
      this.messages.push(workerMessageSchema.parse(JSON.parse(body)));
    });
  }

  static async open(): Promise<TestService> {
    const folder = await mkdtemp(join(tmpdir(), "stylize-worker-"));
    const objects = await FileObjectStore.open(join(folder, "objects"), { baseUrl: "http://localhost" });
    const service = new TestService(folder, objects);
    await objects.put(keys.style(style), await picture(7, 50, 44), { contentType: "image/png" });
    return service;
  }

  /** What a worker's environment has to say. */
  get env() {
    const url = (name: string) => pathToFileURL(join(this.#folder, name)).href;
    return { STYLIZE_OBJECTS: url("objects"), STYLIZE_QUEUE: url("queue") };
  }

  /** A new private job on this content, which is put where it belongs; none is put where none is given. */
  async job(content: Uint8Array | undefined, options: WorkerJob["options"]): Promise<WorkerJob> {
    const jobId = (++this.#jobs).toString(16).padStart(32, "0");
    const contentKey = keys.input(true, jobId, "image/png");
    if (content) await this.objects.put(contentKey, content, { contentType: "image/png" });
    return { contentKey, style, requestId: `socket::${jobId}`, options };
  }

  of({ requestId }: WorkerJob): WorkerMessage[] {
    return this.messages.filter((message) => message.requestId === requestId);
  }

  /** The steps that a job's progress told of. */
  stepsOf(job: WorkerJob): number[] {
    return this.of(job).flatMap((message) => ("progress" in message ? [message.progress.step] : []));
  }

  /** What a job said at its ends. */
  endsOf(job: WorkerJob): WorkerMessage[] {
    return this.of(job).filter((message) => !("progress" in message));
  }

  /** Resolves once all that was published has been received. */
  async settled(): Promise<void> {
    while ((await this.queue.depth()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.#receiver.stop(); // what was taken from the queue may not have been handled yet
    this.#receiver = this.#receive();
  }

  async keysUnder(prefix: string): Promise<string[]> {
    const { objects } = await this.objects.list(prefix, { limit: 100 });
    return objects.map(({ key }) => key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Noise as PNG. */
export function picture(seed: number, width: number, height: number): Promise<Uint8Array> {
  return encodePicture(noisePicture({ width, height }, seed), "png");
}

/** What nobody should send, and why it is refused. */
export const badPictures: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  "a truncated JPEG": async () => {
    const jpeg = await (await drawing(200)).jpeg().toBuffer();
    return jpeg.subarray(0, jpeg.length / 2);
  },
  "an SVG": async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>'),
  "a GIF": async () => (await drawing(48)).gif().toBuffer(),
  "a TIFF": async () => (await drawing(48)).tiff().toBuffer(),
  "one pixel": () => picture(1, 1, 1),
  "225 million pixels": async () => hugePng(15_000, 15_000),
  nothing: async () => new Uint8Array(),
  text: async () => Buffer.from("Hello!"),
};

async function drawing(side: number): Promise<Sharp> {
  return sharp(Buffer.from(await picture(1, side, side)));
}
