/** Where a picture is painted, so that the page stays at hand. Takes one job, answers with its progress and its end. */
import "./symbols.ts";
import { StylizeError } from "../../engine/errors.ts";
import type { LocalJob, WorkerNews } from "./local-engine.ts";
import { paint } from "./paint.ts";

const tell = (news: WorkerNews) => postMessage(news);

addEventListener("message", async ({ data: job }: MessageEvent<LocalJob>) => {
  try {
    tell({ result: await paint(job, (progress) => tell({ progress })) });
  } catch (error) {
    const { message } = error as Error;
    const code = error instanceof StylizeError ? error.code : "gpu-error";
    tell({ failure: { code, message } });
  }
});
