/**
 * Painting in the visitor's own browser: the same engine and shaders as on the service, in a worker, and nothing is
 * uploaded.
 */
import { findAdapter } from "../../engine/browser.ts";
import { type ErrorCode, StylizeError } from "../../engine/errors.ts";
import { vgg19 } from "../../engine/network/layers.ts";
import type { JobOptions } from "../../protocol/protocol.ts";
import { shippedFor } from "../../weights/shipped.ts";

export interface LocalJob {
  readonly content: Blob;
  readonly style: Blob;
  readonly options: JobOptions;
  /** A network of VGG19's shape as safetensors; one that comes with the pages paints when not given. */
  readonly weightsUrl?: string | undefined;
}

export type LocalProgress =
  /** Part of the network that is there, from 0 to 1. */
  | { readonly downloading: number }
  | {
      /** Steps done and to do in the whole run. */
      readonly step: number;
      readonly total: number;
      readonly etaMs: number;
      readonly loss?: number;
      /** PNG, at most 256 pixels; present when it is a new one. */
      readonly preview?: Blob;
    };

/** What the worker answers. */
export type WorkerNews =
  | { readonly progress: LocalProgress }
  /** PNG. */
  | { readonly result: Blob }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } };

export interface LocalAdapter {
  /** Its name, for people. */
  readonly adapter: string;
  /** Whether a processor plays the GPU, which takes minutes where a GPU takes seconds. */
  readonly isSoftware: boolean;
  /** Pixels of the long side of the largest result. */
  readonly maxSize: number;
}

/**
 * What this browser would paint on; undefined where it can't: no WebGPU, no adapter, too small limits.
 *
 * @param isOffered whether the site offers a network of its own.
 */
export async function canRunHere(isOffered: boolean): Promise<LocalAdapter | undefined> {
  const found = await findAdapter();
  if (!found) return undefined;
  const { name: adapter, isSoftware } = found;
  // before an offered network is there, it is taken for VGG19, and hardly wider
  const maxSize = found.maxSize(isOffered ? { layers: vgg19 } : shippedFor(found));
  return { adapter, isSoftware, maxSize };
}

export interface RunOptions {
  /** At most twice a second. */
  readonly onProgress?: (progress: LocalProgress) => void;
  /** Stops the run at once. */
  readonly signal?: AbortSignal;
}

/**
 * Paints a picture in a worker of its own, which ends with it and gives back the device and its memory.
 *
 * @returns a PNG file; as large as was asked for, but no larger than the content or than `maxSize`.
 * @throws StylizeError: `aborted`, `bad-picture`, `device-lost` where the browser or the driver took the GPU away, and
 * the engine's others.
 */
export async function runHere(job: LocalJob, { onProgress, signal }: RunOptions = {}): Promise<Blob> {
  if (signal?.aborted) throw stopped();
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "painting" });
  try {
    return await new Promise<Blob>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(stopped()));
      worker.addEventListener("error", (event) => reject(notLoaded(event)));
      worker.addEventListener("message", ({ data: news }: MessageEvent<WorkerNews>) => {
        if ("progress" in news) onProgress?.(news.progress);
        else if ("result" in news) resolve(news.result);
        else reject(new StylizeError(news.failure.code, news.failure.message));
      });
      worker.postMessage(job);
    });
  } finally {
    worker.terminate();
  }
}

const stopped = () => new StylizeError("aborted", "Expected a painted picture but it was stopped before.");

/** The worker catches its own errors: what arrives here is that its script did not load. */
const notLoaded = ({ message }: ErrorEvent) =>
  new StylizeError(
    "download-failed",
    `Expected to load the engine but: ${message || "it can't be fetched"}.`,
  );
