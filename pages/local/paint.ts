/** One picture, from its files to the finished one; what worker/job.ts is on the service. */

import { Occasional } from "../../common/occasional.ts";
import { findAdapter, openContext } from "../../engine/browser.ts";
import { StylizeError } from "../../engine/errors.ts";
import type { Iterate } from "../../engine/iterate.ts";
import { optionTable } from "../../engine/options.ts";
import type { Picture } from "../../engine/picture.ts";
import { planScales, type ScalePlan } from "../../engine/pyramid.ts";
import { stylize } from "../../engine/stylize.ts";
import { TimeLeft } from "../../engine/time-left.ts";
import { atMost, longSide, previewOf } from "../../pictures/resize.ts";
import { settingsOf, sizeOf } from "../../protocol/job-settings.ts";
import { shippedFor } from "../../weights/shipped.ts";
import { decodePicture } from "./decode.ts";
import type { LocalJob, LocalProgress } from "./local-engine.ts";
import { fetchNetwork, fetchShipped } from "./network.ts";
import { encodePng } from "./png.ts";
import { tuningStore } from "./tuning.ts";

const NEWS_MS = 500;
const PREVIEW_MS = 2000;

/** A PNG file. Throws StylizeError. */
export async function paint(job: LocalJob, tell: (progress: LocalProgress) => void): Promise<Blob> {
  const found = await findAdapter();
  if (!found) throw new StylizeError("no-adapter", "Expected a WebGPU adapter but this browser has none.");
  const { readShader } = await import("./shaders.ts");
  using context = await openContext(found.adapter, readShader);
  const content = await decodePicture(context, job.content, "content");
  const style = await decodePicture(context, job.style, "style");
  const network = await (job.weightsUrl === undefined
    ? fetchShipped(shippedFor(found), downloads(tell))
    : fetchNetwork(job.weightsUrl, downloads(tell)));
  const size = sizeOf(content, job.options.size, found.maxSize(network));
  const settings = settingsOf(job.options, size, optionTable.steps.default, network);
  const sized = longSide(content, size);
  const { picture } = await stylize({
    ...settings,
    context,
    network,
    tuning: tuningStore,
    content: sized,
    styles: [atMost(style, Math.ceil(size * settings.styleSize))],
    onIterate: steps(planScales(sized, settings), tell),
  });
  return encodePng(picture, sized);
}

const onError = (error: unknown) => console.warn("A preview was left out.", error);
const occasional = (everyMs: number, waitsFirst: boolean) =>
  new Occasional({ everyMs, waitsFirst, clock: () => performance.now(), onError });

function downloads(tell: (progress: LocalProgress) => void): (fraction: number) => void {
  const news = occasional(NEWS_MS, false);
  return (downloading) => {
    if (downloading === 1) tell({ downloading });
    else if (news.isDue) news.start(async () => tell({ downloading }));
  };
}

/** Tells of steps now and then, with a preview where a new one is ready. */
function steps(scales: readonly ScalePlan[], tell: (progress: LocalProgress) => void) {
  const timeLeft = new TimeLeft(scales);
  const news = occasional(NEWS_MS, false);
  const previews = occasional(PREVIEW_MS, true);
  let preview: Blob | undefined;
  const report = async ({ totalStep, totalSteps, loss }: Iterate, etaMs: number) => {
    tell({
      step: totalStep,
      total: totalSteps,
      etaMs,
      ...(Number.isFinite(loss) && { loss }),
      ...(preview && { preview }),
    });
    preview = undefined;
  };
  return async (iterate: Iterate, picture: () => Promise<Picture>) => {
    const etaMs = Math.round(1000 * timeLeft.after(iterate));
    if (news.isDue) news.start(() => report(iterate, etaMs));
    if (!previews.isDue) return;
    const since = performance.now();
    const small = previewOf(await picture());
    previews.start(async () => {
      preview = await encodePng(small);
    }, since);
  };
}
