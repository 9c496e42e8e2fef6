/** A job as its owner follows it: one stream of states, of answers and events that come late, twice, in any order. */
import { isTerminal } from "../protocol/job-status.ts";
import type { FailureReason, JobProgress, JobReference, JobView } from "../protocol/protocol.ts";
import { pause, type ServiceConnection, ServiceError } from "./connection.ts";

/** What is heard of a job. Ends have no `seq`: nothing comes after them. */
export type JobNews =
  | { readonly view: JobView }
  | { readonly progress: JobProgress }
  | { readonly result: string }
  | { readonly failure: { readonly code: FailureReason | "cancelled"; readonly message: string } };

export function hasEnded({ status }: Pick<JobView, "status">): boolean {
  return isTerminal(status);
}

/** The state after some news; `present` itself where they are old. */
export function merge(present: JobView, news: JobNews): JobView {
  if (hasEnded(present)) return present;
  if ("view" in news) return news.view.seq < present.seq ? present : news.view;
  const { position, etaMs, step, total, loss, ...rest } = present;
  if ("progress" in news) return news.progress.seq < present.seq ? present : { ...rest, ...news.progress };
  const end = { ...rest, seq: present.seq + 1 };
  if ("result" in news) return { ...end, status: "succeeded", result: news.result };
  const { code, message } = news.failure;
  if (code === "cancelled") return { ...end, status: "cancelled" };
  return { ...end, status: "failed", failure: { code, message } };
}

/** Refusals that asking again does not change. */
const final = ["unknown-job", "invalid-request"];
const AGAIN_MS = 2000;

/**
 * Tells `onChange` the job's state now and after each change, over all losses of the connection; the end is told once.
 * Where the service knows no such job, `onRefused` is called, and nothing after it. Returns a function that stops.
 */
export function followJob(
  connection: ServiceConnection,
  { jobId, token }: JobReference,
  onChange: (job: JobView) => void,
  onRefused: (error: ServiceError) => void,
): () => void {
  const { socket } = connection;
  const stopping = new AbortController();
  const { signal } = stopping;
  const early: JobNews[] = [];
  let present: JobView | undefined;
  let isLooking = false;

  const hear = (news: JobNews) => {
    if (signal.aborted) return;
    const before = present;
    if (before) present = merge(before, news);
    else if ("view" in news) present = early.reduce(merge, news.view);
    else early.push(news);
    if (!present || present === before) return;
    if (hasEnded(present)) stop();
    onChange(present);
  };
  const look = async () => {
    isLooking = true;
    while (!signal.aborted) {
      try {
        const { job } = await connection.ask("GET_JOB", { jobId, token }, signal);
        isLooking = false;
        return hear({ view: job });
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code === "unauthorized") break; // the next connection looks again
        if (final.includes(error.code)) {
          stop();
          return onRefused(error);
        }
        await pause(error.retryAfterMs ?? AGAIN_MS, signal).catch(() => {});
      }
    }
    isLooking = false;
  };

  const onProgress = (progress: JobProgress) => hear({ progress });
  const onCompleted = ({ result }: { readonly result: string }) => hear({ result });
  const onFailed = (failure: Extract<JobNews, { failure: unknown }>["failure"]) => hear({ failure });
  socket.on(`JOB_PROGRESS::${jobId}`, onProgress);
  socket.on(`TRANSFER_STYLE_COMPLETED::${jobId}`, onCompleted);
  socket.on(`TRANSFER_STYLE_FAILED::${jobId}`, onFailed);
  const stopLooking = connection.onChange(({ state }) => {
    if (state === "connected" && !isLooking) void look();
  });
  function stop(): void {
    stopping.abort();
    stopLooking();
    socket.off(`JOB_PROGRESS::${jobId}`, onProgress);
    socket.off(`TRANSFER_STYLE_COMPLETED::${jobId}`, onCompleted);
    socket.off(`TRANSFER_STYLE_FAILED::${jobId}`, onFailed);
  }
  return stop;
}
