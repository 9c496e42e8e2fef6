/** Tells how far a job is: numbers through the queue, a small picture through the store. */
import type { Logger } from "pino";
import { Occasional } from "../common/occasional.ts";
import type { Iterate } from "../engine/iterate.ts";
import type { Picture } from "../engine/picture.ts";
import type { ScalePlan } from "../engine/pyramid.ts";
import { TimeLeft } from "../engine/time-left.ts";
import { encodePicture, previewOf } from "../pictures/index.ts";
import { jobIdOf, keys, type WorkerMessage } from "../protocol/protocol.ts";
import type { Publisher } from "../stores/message-queue.ts";
import type { ObjectStore } from "../stores/object-store.ts";

export interface ReporterOptions {
  readonly requestId: string;
  readonly scales: readonly ScalePlan[];
  readonly objects: ObjectStore;
  readonly publisher: Publisher;
  readonly clock: () => number;
  readonly log: Logger;
}

const MESSAGE_MS = 500;
const PREVIEW_MS = 2000;

export class ProgressReporter {
  readonly #options: ReporterOptions;
  readonly #timeLeft: TimeLeft;
  readonly #messages: Occasional;
  readonly #previews: Occasional;
  #previewKey: string | undefined;
  #at = 0;

  constructor(options: ReporterOptions) {
    const { scales, clock, log } = options;
    this.#options = options;
    this.#timeLeft = new TimeLeft(scales);
    const report = (what: string) => (error: unknown) => log.warn({ err: error }, `${what} was not sent`);
    this.#messages = new Occasional({ everyMs: MESSAGE_MS, clock, onError: report("progress") });
    this.#previews = new Occasional({
      everyMs: PREVIEW_MS,
      waitsFirst: true,
      clock,
      onError: report("a preview"),
    });
  }

  /** Call after each step. `picture` reads the present picture; it is asked only when a preview is due. */
  async step(iterate: Iterate, picture: () => Promise<Picture>): Promise<void> {
    const etaMs = Math.round(1000 * this.#timeLeft.after(iterate));
    if (this.#messages.isDue) this.#messages.start(() => this.#publish(iterate, etaMs));
    if (!this.#previews.isDue) return;
    const since = this.#options.clock();
    const preview = previewOf(await picture());
    this.#previews.start(() => this.#putPreview(preview), since);
  }

  async #publish({ totalStep, totalSteps, loss }: Iterate, etaMs: number): Promise<void> {
    const { requestId, publisher, clock } = this.#options;
    this.#at = Math.max(this.#at + 1, clock());
    const message: WorkerMessage = {
      requestId,
      progress: {
        at: this.#at,
        step: totalStep,
        total: totalSteps,
        etaMs,
        ...(Number.isFinite(loss) && { loss }),
        ...(this.#previewKey !== undefined && { previewKey: this.#previewKey }),
      },
    };
    await publisher.publish(JSON.stringify(message));
  }

  async #putPreview(preview: Picture): Promise<void> {
    const key = keys.preview(jobIdOf(this.#options.requestId));
    const bytes = await encodePicture(preview, "jpeg");
    await this.#options.objects.put(key, bytes, { contentType: "image/jpeg" });
    this.#previewKey = key;
  }
}
