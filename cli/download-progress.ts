/** What a download tells the people (or programs) that wait for it. */

import { megabytes } from "../weights/download/mirror-failure.ts";
import type { DownloadProgress } from "../weights/download/pull.ts";
import { type Audience, clock, eventWriter, type Io, type Output, StatusLine } from "./io.ts";

export interface DownloadReporter {
  progress(progress: DownloadProgress): void;
  note(sentence: string): void;
  /** The last call, after an error too. */
  end(): void;
}

export function createDownloadReporter(kind: Audience, io: Io): DownloadReporter {
  if (kind === "json") return jsonReporter(io.stdout);
  if (kind === "quiet") return { progress() {}, note() {}, end() {} };
  return peopleReporter(io.stderr);
}

/** Milliseconds between two reports. */
const EVERY = { terminal: 100, lines: 5000, json: 1000 };

function jsonReporter(out: Output): DownloadReporter {
  const isDue = pace(EVERY.json);
  const write = eventWriter(out);
  return {
    progress(progress) {
      if (isDue(progress)) write("progress", progress);
    },
    note: (sentence) => write("note", { text: sentence }),
    end() {},
  };
}

function peopleReporter(out: Output): DownloadReporter {
  const bar = new StatusLine(out);
  const isDue = pace(out.isTTY ? EVERY.terminal : EVERY.lines);
  const speed = new Speed();
  return {
    progress(progress) {
      const { received, total } = progress;
      const rate = speed.after(received, performance.now() / 1000);
      if (!isDue(progress)) return;
      const left = rate > 0 ? `, ${clock((total - received) / rate)} left` : "";
      const text = `${megabytes(received)} of ${megabytes(total)}, ${megabytes(rate)}/s${left}`;
      if (out.isTTY) bar.draw(received / total, text);
      else bar.line(text);
    },
    note: (sentence) => bar.line(sentence),
    end: () => bar.end(),
  };
}

/** Whether it is time for the next report; the last one always is. */
function pace(milliseconds: number): (progress: DownloadProgress) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return ({ received, total }) => {
    const now = performance.now();
    if (now - last < milliseconds && received < total) return false;
    last = now;
    return true;
  };
}

/** Bytes a second over the last few seconds; what was there before the first report does not count. */
export class Speed {
  readonly #window: { readonly received: number; readonly at: number }[] = [];

  /** `at` in seconds. */
  after(received: number, at: number): number {
    this.#window.push({ received, at });
    while (this.#window.length > 2 && at - this.#window[0]!.at > 5) this.#window.shift();
    const first = this.#window[0]!;
    return at > first.at ? (received - first.received) / (at - first.at) : 0;
  }
}
