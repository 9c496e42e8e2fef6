// Kept in the declarations, for compilers whose own settings don't tell them of Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A client of the service, for pages and for programs: the same in browsers and in Node.
 *
 *     const service = new ServiceClient(location.origin);
 *     const job = await service.transferStyle({ image: file, style: "great-wave.jpg", isPrivate: true });
 *     const { status, result } = await service.finished(job, { onChange: ({ step, total }) => draw(step, total) });
 *
 * Connections are lost and come back; what is asked for outlives that and is done once. Whoever keeps a job's `jobId`
 * and `token` can go on with it after a page was loaded anew, too.
 */
import type { Accepted, ImageItem, JobReference, JobView, Page, StyleItem } from "../protocol/protocol.ts";
import {
  type Connection,
  type ConnectionOptions,
  orAbort,
  ServiceConnection,
  ServiceError,
} from "./connection.ts";
import { followJob, hasEnded } from "./job.ts";
import { type SendOptions, type StyleRequest, startJob, type UploadProgress } from "./request.ts";

export type * from "../protocol/protocol.ts";
export {
  type Connection,
  type ConnectionOptions,
  hasEnded,
  type SendOptions,
  ServiceError,
  type StyleRequest,
  type UploadProgress,
};

export interface ServiceOptions extends ConnectionOptions {
  /**
   * Bytes of the largest picture that goes within the message; two of them in base64 must be less than the gateway's
   * largest message.
   */
  readonly inlineBytes?: number | undefined;
}

export class ServiceClient implements Disposable {
  readonly #connection: ServiceConnection;
  readonly #inlineBytes: number;

  /**
   * Connects, and goes on trying until `close`. `url` is the service's address, without a path.
   *
   * @example
   * using service = new ServiceClient("https://paint.example.org", { token: () => login.token });
   */
  constructor(url: string, { inlineBytes = 500_000, ...options }: ServiceOptions = {}) {
    this.#connection = new ServiceConnection(url, options);
    this.#inlineBytes = inlineBytes;
  }

  get connection(): Connection {
    return this.#connection.present;
  }

  /**
   * Calls `listener` now, and whenever the connection is lost, comes back or is refused. Returns a function that stops.
   *
   * @example
   * const stop = service.onConnection(({ state }) => notice.toggleAttribute("hidden", state === "connected"));
   */
  onConnection(listener: (connection: Connection) => void): () => void {
    return this.#connection.onChange(listener);
  }

  /**
   * Resolves once there is a connection; requests wait for one by themselves. Throws ServiceError `unauthorized`.
   *
   * @example
   * await service.connected(AbortSignal.timeout(5000));
   */
  connected(signal?: AbortSignal): Promise<void> {
    return this.#connection.connected(signal);
  }

  /**
   * Tries again after a refusal, with the token that there is by now.
   *
   * @example
   * if (service.connection.state === "refused") service.reconnect();
   */
  reconnect(): void {
    this.#connection.reconnect();
  }

  /**
   * The styles in the order of their names, a page at a time: `next` is the cursor of the one after.
   *
   * @example
   * const { styles, next } = await service.listStyles({ limit: 100 });
   * const more = next === undefined ? [] : (await service.listStyles({ cursor: next })).styles;
   */
  listStyles(page: Page = {}): Promise<{ readonly styles: readonly StyleItem[]; readonly next?: string }> {
    return this.#connection.ask("LIST_STYLES", page);
  }

  /**
   * Public results, newest first, a page at a time.
   *
   * @example
   * const { images } = await service.listImages({ limit: 20 });
   * for (const { thumbnail, style } of images) show(thumbnail, style ?? "a style of one's own");
   */
  listImages(page: Page = {}): Promise<{ readonly images: readonly ImageItem[]; readonly next?: string }> {
    return this.#connection.ask("LIST_IMAGES", page);
  }

  /**
   * Calls `listener` with each new public result; what came while there was no connection is in `listImages`. Returns a
   * function that stops.
   *
   * @example
   * const stop = service.onImage(({ thumbnail }) => show(thumbnail));
   */
  onImage(listener: (image: ImageItem) => void): () => void {
    const own = (image: ImageItem) => listener(image);
    this.#connection.socket.on("TRANSFER_STYLE_COMPLETED", own);
    return () => void this.#connection.socket.off("TRANSFER_STYLE_COMPLETED", own);
  }

  /**
   * Sends the pictures and starts a job: one, however often the connection is lost meanwhile.
   *
   * @throws ServiceError, and what `signal` was aborted with; a job that had been started by then is cancelled.
   *
   * @example
   * const options = { size: 1024, strength: "bold" } as const;
   * const request = { image: file, style: "great-wave.jpg", isPrivate: true, options };
   * const { jobId, token } = await service.transferStyle(request, {
   *   onUploadProgress: ({ sent, total }) => (bar.value = total && sent / total),
   * });
   */
  async transferStyle(request: StyleRequest, options: SendOptions = {}): Promise<Accepted> {
    const job = await startJob(this.#connection, request, { ...options, inlineBytes: this.#inlineBytes });
    if (options.signal?.aborted) {
      await this.cancel(job).catch(() => {});
      throw options.signal.reason;
    }
    return job;
  }

  /**
   * The job's present state, with fresh URLs. Throws ServiceError.
   *
   * @example
   * const { status, result } = await service.job({ jobId, token });
   */
  async job({ jobId, token }: JobReference): Promise<JobView> {
    return (await this.#connection.ask("GET_JOB", { jobId, token })).job;
  }

  /**
   * Calls `listener` with the job's state now and after each change, up to its end, which is told once; over losses of
   * the connection.
   *
   * Where there is no such job (any more) `onRefused` is called, and nothing after it. Returns a function that stops.
   *
   * @example
   * const stop = service.follow(job, ({ status, step, total, preview }) => {
   *   if (status === "running") draw(step, total, preview);
   * });
   */
  follow(
    job: JobReference,
    listener: (job: JobView) => void,
    onRefused: (error: ServiceError) => void = () => {},
  ): () => void {
    return followJob(this.#connection, job, listener, onRefused);
  }

  /**
   * The job's last state, once it has ended, whether well or not. Throws ServiceError, and what `signal` was aborted
   * with.
   *
   * @example
   * const { result, failure } = await service.finished(job, { signal: AbortSignal.timeout(600_000) });
   * if (failure) throw new Error(failure.message);
   */
  async finished(
    job: JobReference,
    {
      onChange = () => {},
      signal,
    }: { readonly onChange?: (job: JobView) => void; readonly signal?: AbortSignal } = {},
  ): Promise<JobView> {
    const stops: (() => void)[] = [];
    const ended = new Promise<JobView>((resolve, reject) => {
      const listener = (view: JobView) => {
        onChange(view);
        if (hasEnded(view)) resolve(view);
      };
      const watch = (connection: Connection) => {
        if (connection.state === "refused") reject(connection.error);
        if (connection.state === "closed") reject(new Error("The client was closed."));
      };
      stops.push(this.follow(job, listener, reject), this.onConnection(watch));
    });
    return orAbort(ended, signal).finally(() => {
      for (const stop of stops) stop();
    });
  }

  /**
   * Stops the job. Throws ServiceError `not-cancellable` where it has ended otherwise.
   *
   * @example
   * const { status } = await service.cancel(job); // "cancelled"
   */
  async cancel({ jobId, token }: JobReference): Promise<JobView> {
    return (await this.#connection.ask("CANCEL_JOB", { jobId, token })).job;
  }

  /**
   * Removes the job and its pictures, after cancelling it if it has not ended. One that is not there is no error.
   *
   * @example
   * await service.remove({ jobId, token });
   */
  async remove({ jobId, token }: JobReference): Promise<void> {
    await this.#connection.ask("DELETE_JOB", { jobId, token }).catch((error: unknown) => {
      // what is repeated because the answer was lost finds nothing
      if (!(error instanceof ServiceError) || error.code !== "unknown-job") throw error;
    });
  }

  /** Ends the connection; requests that wait for it fail. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
