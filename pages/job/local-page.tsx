/** The picture that this browser paints by itself. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Notice } from "../parts.tsx";
import { hrefOf } from "../router.ts";
import "./job.css";
import { DownloadButton } from "./job-actions.tsx";
import {
  doneStage,
  failedStage,
  JobProgress,
  paintedIn,
  paintingStage,
  type Stage,
} from "./job-progress.tsx";
import { isBusy, type LocalPainting, stopPainting, useLocalPainting } from "./local-painting.ts";
import { PictureStage } from "./picture-stage.tsx";

export function LocalPage() {
  const painting = useLocalPainting();
  return painting ? <Painting painting={painting} /> : <NothingHere />;
}

function Painting({ painting }: { readonly painting: LocalPainting }) {
  const { run, preview, result } = painting;
  const content = useObjectUrl(run.content);
  const previewUrl = useObjectUrl(preview);
  const resultUrl = useObjectUrl(result);
  const isAlive = isBusy(painting);
  return (
    <section class="page job">
      <PictureStage
        content={content}
        preview={isAlive ? previewUrl : undefined}
        result={resultUrl}
        isAlive={isAlive}
        resultAlt={paintedIn(run.styleName)}
      />
      <div class="job-side">
        <JobProgress stage={stageOfPainting(painting)} />
        <LocalActions painting={painting} />
        <p class="muted small">
          {isAlive
            ? "It stays on this device: nothing is uploaded. Keep this tab open until it is done."
            : "It stays on this device: nothing was uploaded."}
          {result && " Download it before you close this tab."}
        </p>
      </div>
    </section>
  );
}

function LocalActions({ painting }: { readonly painting: LocalPainting }) {
  const { run, result } = painting;
  const [problem, setProblem] = useState<string>();
  if (isBusy(painting))
    return (
      <div class="job-actions">
        <button type="button" class="button" onClick={stopPainting}>
          Stop
        </button>
      </div>
    );
  return (
    <div class="job-actions">
      {result && (
        <DownloadButton
          picture={async () => result}
          style={run.styleName}
          id="local"
          onProblem={setProblem}
        />
      )}
      <a class={result ? "button" : "button primary"} href={hrefOf.request}>
        {result ? "New picture" : "Start again"}
      </a>
      <div class="job-problem">
        <Notice text={problem} />
      </div>
    </div>
  );
}

function stageOfPainting(painting: LocalPainting): Stage {
  const { run, status, downloaded, step, total, etaMs, problem = "" } = painting;
  switch (status) {
    case "starting": {
      const isFetching = downloaded !== undefined && downloaded < 1;
      const title = isFetching ? "Fetching the network" : "Warming up your GPU";
      const line = isFetching
        ? "What paints the picture comes to this browser first."
        : "Painting begins in a moment.";
      const progress = { label: title, value: isFetching ? downloaded : undefined };
      return { title, line, progress, tab: title, announcement: `${title}.` };
    }
    case "running":
      return paintingStage(step ?? 0, total ?? 1, etaMs);
    case "succeeded":
      return doneStage(run.styleName);
    case "failed":
      return failedStage(problem);
    case "stopped": {
      const line = "You stopped this picture before it was done.";
      return { title: "Stopped", line, tab: "Stopped", announcement: "Stopped." };
    }
    default:
      return status satisfies never;
  }
}

function NothingHere() {
  return (
    <section class="page narrow nothing-here">
      <h1>Nothing is painted here now</h1>
      <p>
        What this browser paints by itself is kept in this tab alone, and gone once the page is loaded anew.
      </p>
      <div class="row">
        <a class="button primary" href={hrefOf.request}>
          Start a new picture
        </a>
      </div>
    </section>
  );
}

/** An address of what this page has in memory, given back when there is another or the page goes. */
function useObjectUrl(blob: Blob | undefined): string | undefined {
  const url = useMemo(() => blob && URL.createObjectURL(blob), [blob]);
  useEffect(
    () => () => {
      if (url !== undefined) URL.revokeObjectURL(url);
    },
    [url],
  );
  return url;
}
