/**
 * The picture that this browser paints by itself: one at a time, which goes on while other pages of the site are looked
 * at. It is kept until the next one begins or the site is left, and nowhere but in memory.
 */
import { useEffect, useState } from "preact/hooks";
import type { LocalJob, LocalProgress } from "../local/local-engine.ts";
import { go, hrefOf } from "../router.ts";
import { site } from "../service.ts";

export interface LocalRun extends Pick<LocalJob, "content" | "style" | "options"> {
  /** The service's name of the style; absent when it is the visitor's own picture. */
  readonly styleName?: string;
}

export interface LocalPainting {
  readonly run: LocalRun;
  readonly status: "starting" | "running" | "succeeded" | "failed" | "stopped";
  /** Part of the network that has come, while it is fetched. */
  readonly downloaded?: number;
  readonly step?: number;
  readonly total?: number;
  readonly etaMs?: number;
  readonly loss?: number;
  readonly preview?: Blob;
  readonly result?: Blob;
  /** Why it failed, in a sentence. */
  readonly problem?: string;
}

let present: LocalPainting | undefined;
let stopping = new AbortController();
const listeners = new Set<(painting: LocalPainting) => void>();

/** Begins, and leads to the page that shows it. */
export function startLocal(run: LocalRun): void {
  void paint(run);
  go(hrefOf.local);
}

/** Undefined where none was started, or the site was loaded anew since. */
export function useLocalPainting(): LocalPainting | undefined {
  const [painting, setPainting] = useState(present);
  useEffect(() => {
    listeners.add(setPainting);
    setPainting(present); // it may have got on since
    return () => void listeners.delete(setPainting);
  }, []);
  return painting;
}

export function isBusy({ status }: LocalPainting): boolean {
  return status === "starting" || status === "running";
}

export function stopPainting(): void {
  stopping.abort();
}

async function paint(run: LocalRun): Promise<void> {
  stopping.abort();
  stopping = new AbortController();
  const { signal } = stopping;
  const change = (news: Partial<LocalPainting>) => {
    if (present?.run === run) tell({ ...present, ...news });
  };
  tell({ run, status: "starting" });
  addEventListener("beforeunload", ask);
  try {
    const { weightsUrl } = await site().catch(() => ({ weightsUrl: undefined }));
    const { runHere } = await import("../local/local-engine.ts");
    signal.throwIfAborted();
    const onProgress = (news: LocalProgress) =>
      change("downloading" in news ? { downloaded: news.downloading } : { status: "running", ...news });
    const result = await runHere({ ...run, weightsUrl }, { signal, onProgress });
    change({ status: "succeeded", result });
  } catch (error) {
    if (signal.aborted) change({ status: "stopped" });
    else change({ status: "failed", problem: (error as Error).message });
  } finally {
    if (present?.run === run) removeEventListener("beforeunload", ask);
  }
}

function tell(painting: LocalPainting): void {
  present = painting;
  for (const listener of listeners) listener(painting);
}

/** Whoever leaves the site loses what has been painted: the browser asks first. */
function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
