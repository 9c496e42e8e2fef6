/** What local.test.ts runs in a browser. Pictures come as base64, as tests can't hand over bytes. */
import { findAdapter, openContext } from "../../../engine/browser.ts";
import type { StylizeError } from "../../../engine/errors.ts";
import { stylize } from "../../../engine/stylize.ts";
import type { JobOptions } from "../../../protocol/protocol.ts";
import { decodePicture } from "../decode.ts";
import { canRunHere, type LocalProgress, runHere } from "../local-engine.ts";
import { fetchShipped } from "../network.ts";
import { encodePng } from "../png.ts";
import { readShader } from "../shaders.ts";
import { tuningStore } from "../tuning.ts";
import { compared, settings, shallow } from "./network.ts";

export interface Painted {
  /** A PNG file in base64. */
  readonly result?: string;
  readonly type?: string;
  readonly failure?: { readonly isStylizeError: boolean; readonly code: string; readonly message: string };
  /** `preview` as its type. */
  readonly news: readonly (Omit<LocalProgress, "preview"> & {
    readonly at: number;
    readonly preview?: string;
  })[];
  readonly ms: number;
  /** The longest that the page's own thread was away, in ms. */
  readonly longestPause: number;
}

export interface TestRequest {
  readonly content: string;
  readonly style: string;
  readonly options: JobOptions;
  readonly weightsUrl?: string;
  /** Milliseconds after which the run is stopped. */
  readonly stopAfter?: number;
}

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const pictureOf = (base64: string) => new Blob([bytesOf(base64)], { type: "image/png" });

async function base64Of(blob: Blob): Promise<string> {
  return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
}

async function run({ content, style, options, weightsUrl, stopAfter }: TestRequest): Promise<Painted> {
  const start = performance.now();
  const news: Painted["news"][number][] = [];
  const stop = new AbortController();
  let last = start;
  let longestPause = 0;
  const look = () => {
    const now = performance.now();
    longestPause = Math.max(longestPause, now - last);
    last = now;
  };
  const timer = setInterval(look, 10);
  if (stopAfter !== undefined) setTimeout(() => stop.abort(), stopAfter);
  const end = () => {
    clearInterval(timer);
    look();
    return { news, ms: performance.now() - start, longestPause };
  };
  const job = { content: pictureOf(content), style: pictureOf(style), options };
  try {
    const result = await runHere(weightsUrl === undefined ? job : { ...job, weightsUrl }, {
      signal: stop.signal,
      onProgress: (progress) => {
        const preview = "preview" in progress && progress.preview ? { preview: progress.preview.type } : {};
        news.push({ ...progress, at: performance.now() - start, ...preview } as (typeof news)[number]);
      },
    });
    return { ...end(), result: await base64Of(result), type: result.type };
  } catch (error) {
    const { name, code, message } = error as StylizeError;
    return { ...end(), failure: { isStylizeError: name === "StylizeError", code, message } };
  }
}

/** [width, height, the three planes and then opacity, if any, in units of 1/255] */
async function decode(picture: string): Promise<number[]> {
  const found = await findAdapter();
  using context = await openContext(found!.adapter, readShader);
  const decoded = await decodePicture(context, pictureOf(picture), "picture");
  return [
    decoded.width,
    decoded.height,
    ...[...decoded.data, ...(decoded.opacity ?? [])].map((value) => Math.round(255 * value)),
  ];
}

/** The engine by itself, with what network.ts tells. The picture is a PNG file in base64. */
async function paint(
  content: string,
  style: string,
): Promise<{ readonly result: string; readonly losses: readonly number[] }> {
  const found = await findAdapter();
  using context = await openContext(found!.adapter, readShader);
  const losses: number[] = [];
  const { picture } = await stylize({
    ...settings,
    context,
    network: shallow(await fetchShipped(compared, () => {})),
    content: await decodePicture(context, pictureOf(content), "content"),
    styles: [await decodePicture(context, pictureOf(style), "style")],
    onIterate: ({ loss }) => void losses.push(loss),
  });
  return { result: await base64Of(await encodePng(picture)), losses };
}

const testing = {
  canRunHere: (isOffered = false) => canRunHere(isOffered),
  run,
  decode,
  paint,
  keepTuning: (fingerprint: string, text: string) => tuningStore.write(fingerprint, text),
  keptTuning: (fingerprint: string) => tuningStore.read(fingerprint),
};

export type Testing = typeof testing;

Object.assign(globalThis, { testing });
