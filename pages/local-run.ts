/**
 * What this browser is to paint by itself: handed from the request page to the page that shows it, and kept no longer
 * than the pages.
 */
import type { JobOptions } from "../client/index.ts";
import { go, hrefOf } from "./router.ts";

export interface LocalRun {
  readonly content: Blob;
  readonly style: Blob;
  /** The service's name of the style; absent when it is the visitor's own picture. */
  readonly styleName?: string;
  readonly options: JobOptions;
}

let present: LocalRun | undefined;

/** Leads to the page that does it. */
export function startLocal(run: LocalRun): void {
  present = run;
  go(hrefOf.local);
}

/** Undefined where none was started, or the page was loaded anew since. */
export function localRun(): LocalRun | undefined {
  return present;
}
