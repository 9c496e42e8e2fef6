/** What the pages and the worker that paints say to each other. */
import type { ErrorCode } from "../../engine/errors.ts";
import type { JobOptions } from "../../protocol/protocol.ts";

export interface LocalJob {
  readonly content: Blob;
  readonly style: Blob;
  readonly options: JobOptions;
  /** A network of VGG19's shape as safetensors; one that comes with the pages paints when not given. */
  readonly weightsUrl?: string;
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

export type WorkerNews =
  | { readonly progress: LocalProgress }
  /** PNG. */
  | { readonly result: Blob }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } };
