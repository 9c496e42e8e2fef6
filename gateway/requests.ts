/** What clients may ask for: each request is validated, counted, done, and answered. */
import type { Socket } from "socket.io";
import type { z } from "zod";
import { tracer } from "../common/trace.ts";
import {
  type ClientEvents,
  isStyleName,
  isTerminal,
  type JobView,
  type Page,
  type RequestError,
  type RequestErrorCode,
  type ServerEvents,
  type TransferStyle,
} from "../protocol/protocol.ts";
import {
  createUploadSchema,
  jobReferenceSchema,
  pageSchema,
  transferStyleSchema,
} from "../protocol/schemas.ts";
import type { JobRecord, JobStore } from "../stores/job-store.ts";
import { type ObjectStore, StoreError } from "../stores/object-store.ts";
import type { Config } from "./config.ts";
import { type Delivery, type GatewayEvents, roomOf, type SocketData } from "./delivery.ts";
import type { JobService } from "./job-service.ts";
import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import { cleanPicture, dataUrlBytes, type PictureLimits } from "./pictures.ts";
import { RequestFailure } from "./request-failure.ts";
import { hasStyle, listStyles } from "./styles.ts";
import type { Uploads } from "./uploads.ts";
import type { Views } from "./views.ts";

export type ClientSocket = Socket<ClientEvents, ServerEvents, GatewayEvents, SocketData>;

export interface RequestParts {
  readonly config: Config;
  readonly limits: Limits;
  readonly jobs: JobStore;
  readonly service: JobService;
  readonly objects: ObjectStore;
  readonly uploads: Uploads;
  readonly views: Views;
  readonly delivery: Delivery;
  readonly metrics: Metrics;
  /** Open while new jobs are taken: not while the gateway drains. */
  readonly door: { readonly isOpen: boolean };
  /** Called with what nobody foresaw; the client gets `internal`. */
  readonly onError: (error: unknown, event: string) => void;
}

const trace = tracer("gateway:requests");

/** Answers the requests of one connection. */
export function answerRequests(socket: ClientSocket, parts: RequestParts): void {
  const { limits, service, objects, uploads, views, jobs } = parts;
  const { client } = socket.data;

  function on<S extends z.ZodType, T>(
    event: keyof ClientEvents,
    schema: S,
    work: (request: z.output<S>) => Promise<T>,
  ): void {
    // What comes over the wire may be anything, whatever the types say.
    const handler = (...given: unknown[]) => {
      const answer = given.at(-1);
      const request = given[0] === answer ? undefined : given[0];
      const reply = typeof answer === "function" ? (answer as (value: T | RequestError) => void) : () => {};
      handle(request).then(reply, (error: unknown) => {
        const failure = failureOf(error);
        trace(() => `${jobIn(request)} ${event} of ${socket.id} refused: ${failure.code}`);
        parts.metrics.refused(failure.code);
        if (failure.cause !== undefined && !isClients(failure.code)) parts.onError(failure.cause, event);
        reply(failure.answer());
      });
    };
    const handle = async (request: unknown) => {
      await limits.count("requests", client);
      const parsed = schema.safeParse(request);
      if (!parsed.success) throw new RequestFailure("invalid-request");
      trace(() => `${jobIn(request)} ${event} of ${socket.id}`);
      return work(parsed.data);
    };
    socket.on(event, handler as never);
  }

  const viewOf = async (record: JobRecord): Promise<{ job: JobView }> => ({ job: await views.job(record) });

  on("TRANSFER_STYLE", transferStyleSchema, async (request) => {
    const { record, token } = await limits.atOnce(() => transferStyle(request, socket, parts));
    for (const source of [request.image, request.style])
      if (typeof source !== "string") await uploads.remove(client, source.uploadKey);
    const { requestId, jobId, status } = record;
    trace(() => `${jobId} TRANSFER_STYLE of ${socket.id} accepted`);
    // Asked again for a job that has ended meanwhile: it is told how, after the answer that tells it the job's id.
    if (isTerminal(status)) setImmediate(() => parts.delivery.repeat(record, socket.id));
    return { requestId, jobId, token };
  });
  on("LIST_STYLES", pageSchema.nullish(), (page) => listStyles(objects, page ?? {}));
  on("LIST_IMAGES", pageSchema.nullish(), (page) => listImages(page ?? {}, jobs, views));
  on("GET_JOB", jobReferenceSchema, async (reference) => {
    await service.authorized(reference);
    await socket.join(roomOf(reference.jobId)); // first, so that nothing is missed between the answer and the news
    const record = await service.authorized(reference);
    if (isTerminal(record.status)) await socket.leave(roomOf(reference.jobId)); // the answer says it all
    return viewOf(record);
  });
  on("CANCEL_JOB", jobReferenceSchema, async (reference) => {
    await service.authorized(reference);
    return viewOf(await service.cancel(reference.jobId));
  });
  on("DELETE_JOB", jobReferenceSchema, async (reference) => {
    await service.delete(await service.authorized(reference));
    return { deleted: true as const };
  });
  on("CREATE_UPLOAD", createUploadSchema, ({ contentType, bytes }) =>
    uploads.create(client, contentType, bytes),
  );
}

/** The id of the job that a request is about; what else is in a request is not for traces. */
function jobIn(request: unknown): string {
  const { data } = jobReferenceSchema.pick({ jobId: true }).strip().safeParse(request);
  return data?.jobId ?? "-";
}

/** Whether it is the client's doing: nobody has to be told but the client. */
function isClients(code: RequestErrorCode): boolean {
  return code !== "internal" && code !== "unavailable";
}

/** What a client is told of an error: of one that is not for clients, no more than whether trying again may help. */
function failureOf(error: unknown): RequestFailure {
  if (error instanceof RequestFailure) return error;
  const isPassing = error instanceof StoreError && error.retryable;
  return new RequestFailure(isPassing ? "unavailable" : "internal", { cause: error });
}

async function transferStyle(request: TransferStyle, socket: ClientSocket, parts: RequestParts) {
  const { config, limits, jobs, service, objects, door } = parts;
  const { client } = socket.data;
  const { image, style, isPrivate, options = {}, idempotencyKey } = request;
  if (!door.isOpen) throw new RequestFailure("unavailable");
  // before anything can be told of it
  const onAccepted = (jobId: string) => socket.join(roomOf(jobId));
  const known =
    idempotencyKey === undefined ? undefined : await service.known(client, idempotencyKey, onAccepted);
  if (known) return known; // it counts against no limit, and its uploads may have been used
  await limits.count("jobs", client);
  if ((await jobs.activeOf(client)) >= config["jobs-per-client"]) throw new RequestFailure("too-many-jobs");
  const isName = typeof style === "string" && isStyleName(style);
  if (isName && !(await hasStyle(objects, style))) throw new RequestFailure("unknown-style");
  const content = await readPicture(image, client, parts);
  const ownStyle = isName ? style : await readPicture(style, client, parts);
  await limits.count("jobsOfDay", client);
  return service.start({
    client,
    socketId: socket.id,
    content,
    style: ownStyle,
    isPrivate,
    options: withinLimits(options, config),
    idempotencyKey,
    onAccepted,
  });
}

function withinLimits({ size, steps, ...others }: NonNullable<TransferStyle["options"]>, config: Config) {
  return {
    ...others,
    ...(size === undefined ? {} : { size: Math.min(size, config["max-size"]) }),
    ...(steps === undefined ? {} : { steps: Math.min(steps, config["max-steps"]) }),
  };
}

async function readPicture(source: TransferStyle["image"], client: string, parts: RequestParts) {
  const { config, uploads } = parts;
  const limits: PictureLimits = { maxBytes: config["max-image-bytes"], maxPixels: config["max-pixels"] };
  const bytes =
    typeof source === "string" ? dataUrlBytes(source, limits) : await uploads.read(client, source.uploadKey);
  return cleanPicture(bytes, limits);
}

async function listImages({ limit = 50, cursor }: Page, jobs: JobStore, views: Views) {
  const { records, next } = await jobs.feed({ limit, cursor });
  return { images: records.map((record) => views.image(record)), ...(next === undefined ? {} : { next }) };
}
