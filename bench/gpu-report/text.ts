/** What all sections are written with. */
import type { GpuReport } from "./report.ts";

/** How much is told: 2 all, 1 without the long tables of candidates, 0 without those of profiles, too. */
export type Detail = 0 | 1 | 2;

/** What a part's text is made with, beside its result. */
export interface Telling {
  readonly detail: Detail;
  readonly report: GpuReport;
}

export const milliseconds = (ms: number | undefined): string =>
  ms === undefined ? "-" : ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3);

/** Of operations in so many milliseconds. */
export const gigaflops = (operations: number, ms: number | undefined): string =>
  ms === undefined ? "-" : (operations / ms / 1e6).toFixed(0);

export const percent = (share: number | undefined): string =>
  share === undefined || !Number.isFinite(share) ? "-" : `${(100 * share).toFixed(0)} %`;

/** Messages of drivers and compilers on one line, and as text. */
export const inline = (text: string): string =>
  text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").replaceAll("<", "&lt;").slice(0, 600);

/** What a reader unfolds. */
export const folded = (title: string, text: string): string =>
  `<details><summary>${title}</summary>\n\n${text}\n\n</details>`;
