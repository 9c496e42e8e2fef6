/** `stylize request PHOTO --style NAME|FILE`: a picture painted by a service, from its file to the result's. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, parse } from "node:path";
import { ServiceClient, ServiceError, type StyleRequest } from "../client/index.ts";
import { type ErrorCode, StylizeError } from "../engine/errors.ts";
import { checkWritable, decodePicture, formatOf, savePicture, writeFileSafely } from "../pictures/index.ts";
import {
  type Accepted,
  type FailureReason,
  isStyleName,
  type JobView,
  type RequestErrorCode,
} from "../protocol/protocol.ts";
import { INTERRUPTED, type Io, onInterrupt } from "./io.ts";
import { createRequestReporter, type RequestReporter } from "./progress.ts";
import type { ListStylesArguments, RequestArguments } from "./request-arguments.ts";
import { orElsewhere, refuseTaken } from "./result.ts";

/** What a first connection may take; one that is lost later is waited for without end. */
const CONNECT_MS = 5000;
const DOWNLOAD_ATTEMPTS = 5;

/** Returns the exit status: 0, or 130 when the job was cancelled. Throws StylizeError. */
export async function requestCommand(args: RequestArguments, io: Io): Promise<number> {
  const output = await outputOf(args);
  const image = await readPicture(args.photo);
  const style = await styleOf(args.style);
  const reporter = createRequestReporter(args.report, io);
  using client = connect(args, io);
  const job = remoteJob(client, reporter);
  const release = onInterrupt(io, () => job.stop());
  try {
    return await explain(args, async () => {
      await reach(client, args.server, job.signal);
      const { isPrivate, options } = args;
      const last = await job.run({ image, style, isPrivate, options });
      if (last.status === "cancelled" && job.signal.aborted) return stopped(reporter);
      if (last.status !== "succeeded") throw failed(last);
      await job.save(output);
      return 0;
    });
  } catch (error) {
    if (job.signal.aborted && error === job.signal.reason) return stopped(reporter);
    throw error;
  } finally {
    release();
    reporter.end();
  }
}

function stopped(reporter: RequestReporter): number {
  reporter.note("Cancelled: nothing was written.");
  return INTERRUPTED;
}

/** Names on standard output, a line each, or objects of name and URL. Throws StylizeError. */
export async function listStylesCommand(args: ListStylesArguments, io: Io): Promise<void> {
  using client = connect(args, io);
  await explain(args, async () => {
    await reach(client, args.server);
    let cursor: string | undefined;
    do {
      const { styles, next } = await client.listStyles({ cursor });
      for (const style of styles) io.stdout.write(`${args.json ? JSON.stringify(style) : style.name}\n`);
      cursor = next;
    } while (cursor !== undefined);
  });
}

/** One job: sent, followed, cancelled at the first Ctrl-C, fetched. */
function remoteJob(client: ServiceClient, reporter: RequestReporter) {
  const began = performance.now();
  const stopping = new AbortController();
  let accepted: Accepted | undefined;
  return {
    /** Aborted by `stop`. */
    signal: stopping.signal,

    stop(): void {
      reporter.note("Cancelling; Ctrl-C again ends this at once and leaves the job to the service.");
      stopping.abort();
      if (accepted) client.cancel(accepted).catch(() => {}); // one that has ended by itself is told all the same
    },

    /** The job's last state. */
    async run(request: StyleRequest): Promise<JobView> {
      const { upload: onUploadProgress, job: onChange } = reporter;
      accepted = await client.transferStyle(request, { onUploadProgress, signal: stopping.signal });
      let wasConnected = true;
      const stopWatching = client.onConnection(({ state }) => {
        const isConnected = state === "connected";
        const news = isConnected ? "Connected again." : "The connection is lost; the job goes on meanwhile.";
        if (isConnected !== wasConnected) reporter.note(news);
        wasConnected = isConnected;
      });
      try {
        return await client.finished(accepted, { onChange });
      } finally {
        stopWatching();
      }
    },

    async save(path: string): Promise<void> {
      const bytes = await download(client, accepted!);
      const { picture } = await decodePicture(bytes, "the service's result");
      await orElsewhere(path, async (place) => {
        if (formatOf(place) === "png") await writeFileSafely(place, bytes);
        else await savePicture(place, picture);
        const seconds = (performance.now() - began) / 1000;
        reporter.saved({ path: place, width: picture.width, height: picture.height, seconds });
      });
    },
  };
}

async function download(client: ServiceClient, job: Accepted): Promise<Uint8Array> {
  let reason = "";
  for (let attempt = 1; attempt <= DOWNLOAD_ATTEMPTS; attempt++) {
    const { result } = await client.job(job); // with a fresh URL each time
    try {
      const response = await fetch(result!);
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      reason = `its server answers ${response.status}`;
    } catch (error) {
      reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    }
    await new Promise((wake) => setTimeout(wake, 250 * 2 ** attempt));
  }
  throw new StylizeError("download-failed", `Expected the service's result but ${reason}.`);
}

function connect({ server, token }: Pick<RequestArguments, "server" | "token">, { env }: Io): ServiceClient {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search || url.hash)
    throw new StylizeError(
      "bad-option",
      `Expected --server to be an http:// or https:// address without a path but received '${server}'.`,
    );
  return new ServiceClient(url.origin, { token: token ?? env.STYLIZE_TOKEN });
}

/** Throws StylizeError `no-service` where nothing answers. */
async function reach(client: ServiceClient, server: string, signal?: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(CONNECT_MS);
  try {
    await client.connected(signal ? AbortSignal.any([limit, signal]) : limit);
  } catch (error) {
    if (error !== limit.reason) throw error;
    const { connection } = client;
    const reason = connection.state === "connecting" && connection.reason ? ` (${connection.reason})` : "";
    const message = `Expected a service at ${server} but there is no connection${reason}.`;
    throw new StylizeError("no-service", message);
  }
}

/** The file as it is, once it is known to be a picture that the service takes. */
async function readPicture(path: string): Promise<Blob> {
  const { format } = await decodePicture(path, path, { formats: ["jpeg", "png", "webp"] });
  return new Blob([await readFile(path)], { type: `image/${format}` });
}

/** What is a file here is a picture of one's own, all else a name. */
async function styleOf(style: string): Promise<Blob | string> {
  const isName = isStyleName(style) && !existsSync(style);
  return isName ? style : readPicture(style);
}

/** Throws StylizeError where it could not be written, or would be written over an input. */
async function outputOf({ photo, style, output }: RequestArguments): Promise<string> {
  const path = output ?? `${parse(photo).name}-${parse(basename(style)).name}.png`;
  formatOf(path);
  await refuseTaken([photo, style], { "--output": path });
  if (output === undefined && existsSync(path))
    throw new StylizeError("bad-option", `Expected --output FILE, as there is a '${path}' already.`);
  await checkWritable(path);
  return path;
}

/** Codes of what goes wrong with a service that are not the service's alone. */
const codes: Partial<Readonly<Record<RequestErrorCode | FailureReason, ErrorCode>>> = {
  "invalid-request": "bad-option",
  "unknown-style": "bad-option",
  "bad-picture": "bad-picture",
  "bad-content": "bad-picture",
  "bad-style": "bad-picture",
};

/** Does `work`, whose ServiceErrors become StylizeErrors. */
async function explain<T>(
  { server, style }: { readonly server: string; readonly style?: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ServiceError)) throw cause;
    const { code, message, retryAfterMs } = cause;
    const later = retryAfterMs === undefined ? "" : ` Try again in ${Math.ceil(retryAfterMs / 1000)} s.`;
    const sentence =
      code === "unknown-style"
        ? `Expected --style to be a file or a style of ${server} but received '${style}'; --list-styles names them.`
        : `Expected ${server} to take the request but it says: ${message}${later}`;
    throw new StylizeError(codes[code] ?? "refused", sentence, { cause });
  }
}

/** For a job that has ended without a result. */
function failed({ failure }: JobView): StylizeError {
  if (!failure)
    return new StylizeError("job-failed", "Expected a result but the job was cancelled elsewhere.");
  const code = codes[failure.code] ?? "job-failed";
  return new StylizeError(code, `Expected a result but the service says: ${failure.message}`);
}
