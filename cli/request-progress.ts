/** What a request to a service tells the people (or programs) that wait for it. */

import type { JobView, UploadProgress } from "../client/index.ts";
import { type Audience, clock, eventWriter, type Io, type Output, StatusLine } from "./io.ts";

/** The picture that came back. */
export interface Received {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  /** Since the request began. */
  readonly seconds: number;
}

export interface RequestReporter {
  upload(progress: UploadProgress): void;
  job(job: JobView): void;
  saved(received: Received): void;
  /** Anything else worth a sentence. */
  note(sentence: string): void;
  /** The last call, after an error too. */
  end(): void;
}

export function createRequestReporter(kind: Audience, io: Io): RequestReporter {
  if (kind === "json") return jsonReporter(io.stdout);
  if (kind === "quiet") return { upload() {}, job() {}, saved() {}, note() {}, end() {} };
  return peopleReporter(io.stderr);
}

function jsonReporter(out: Output): RequestReporter {
  const write = eventWriter(out);
  return {
    upload: (progress) => write("upload", progress),
    job: (job) => write("job", job),
    saved: (received) => write("saved", received),
    note: (sentence) => write("note", { text: sentence }),
    end() {},
  };
}

/** A bar on a terminal; elsewhere a line for each stage, and at most one a second within it. */
function peopleReporter(out: Output): RequestReporter {
  const bar = new StatusLine(out);
  let last = { stage: "", at: 0 };
  return {
    upload({ sent, total }) {
      if (out.isTTY) bar.draw(sent / total, "Sending");
    },
    job(job) {
      const text = describeJob(job);
      if (text === undefined) return;
      if (out.isTTY) return bar.draw((job.step ?? 0) / (job.total ?? 1), text);
      const [stage = ""] = text.split(/\W/, 1);
      const now = performance.now();
      if (stage === last.stage && now - last.at < 1000) return;
      last = { stage, at: now };
      bar.line(text);
    },
    saved({ path, width, height, seconds }) {
      bar.end();
      bar.line(`Wrote '${path}' (${width}x${height}) in ${clock(seconds)}.`);
    },
    note: (sentence) => bar.line(sentence),
    end: () => bar.end(),
  };
}

/** Undefined for an end, which is told otherwise. */
export function describeJob({ status, position, step, total, loss, etaMs }: JobView): string | undefined {
  const left = etaMs === undefined ? "" : `, ${clock(etaMs / 1000)} left`;
  if (status === "queued") {
    const place = position ? `, ${position} before it` : "";
    return `Queued${place}${etaMs === undefined ? "" : `, about ${clock(etaMs / 1000)} left`}`;
  }
  if (status === "starting" || (status === "running" && step === undefined)) return `Warming up${left}`;
  if (status !== "running") return undefined;
  return `Step ${step}/${total}${loss === undefined ? "" : `, loss ${loss.toPrecision(4)}`}${left}`;
}
