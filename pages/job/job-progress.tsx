/** How far a picture is, for the eye and the ear: what the page, its title and those who hear it are told. */
import { useEffect } from "preact/hooks";
import type { FailureReason, JobView } from "../../client/index.ts";
import { duration, styleTitle } from "../words.ts";

export function JobProgress({ stage }: { readonly stage: Stage }) {
  const { title, line, progress, step, timeLeft, tab, announcement } = stage;
  useEffect(() => {
    document.title = `${tab} - Stylize`;
  }, [tab]);
  return (
    <>
      <h1>{title}</h1>
      {line && <p class="muted">{line}</p>}
      {progress && (
        <div class="job-progress">
          <progress class="progress" aria-label={progress.label} max={1} value={progress.value} />
          <p class="muted job-numbers">
            <span>{step}</span>
            <span>{timeLeft}</span>
          </p>
        </div>
      )}
      <p class="sr-only" role="status">
        {announcement}
      </p>
    </>
  );
}

/** What is painted and how far it is, wherever that happens. */
export interface Stage {
  readonly title: string;
  /** A sentence below the title. */
  readonly line?: string | undefined;
  /** While it goes on. `value` is a part of 1; none where nobody knows. */
  readonly progress?: { readonly label: string; readonly value?: number | undefined } | undefined;
  readonly step?: string | undefined;
  readonly timeLeft?: string | undefined;
  /** In front of the page's title. */
  readonly tab: string;
  /** Read out whenever it changes: at most every tenth of the way. */
  readonly announcement: string;
}

export function paintedIn(style: string | undefined): string {
  return `Painted in ${style === undefined ? "a style of your own" : `the style of ${styleTitle(style)}`}`;
}

export function doneStage(style: string | undefined): Stage {
  const title = paintedIn(style);
  return { title, tab: "Done", announcement: `Done. ${title}.` };
}

export function failedStage(line: string): Stage {
  return { title: "This did not work", line, tab: "Failed", announcement: `This did not work. ${line}` };
}

/** How a painter stands, of which `steps` of `total` are done. */
export function paintingStage(step: number, total: number, etaMs: number | undefined): Stage {
  const percent = Math.min(Math.floor((100 * step) / total), 100);
  const left = etaMs === undefined ? undefined : `${duration(etaMs)} left`;
  const tenth = percent - (percent % 10);
  return {
    title: "Painting your picture",
    progress: { label: "Painting", value: percent / 100 },
    step: `Step ${step} of ${total}`,
    timeLeft: left,
    tab: `${percent}%`,
    announcement: tenth === 0 ? "Painting has begun." : `${tenth} percent is painted.`,
  };
}

export function stageOf(job: JobView): Stage {
  switch (job.status) {
    case "queued":
      return queuedStage(job);
    case "starting":
      return startingStage(job);
    case "running":
      if (job.step === undefined || job.total === undefined) return startingStage(job);
      return paintingStage(job.step, job.total, job.etaMs);
    case "succeeded":
      return doneStage(job.style);
    case "failed": {
      const { message = "", code } = job.failure ?? {};
      return failedStage([message, code && advice[code]].filter(Boolean).join(" "));
    }
    case "cancelled":
      return {
        title: "Cancelled",
        line: "You stopped this picture before it was done.",
        tab: "Cancelled",
        announcement: "Cancelled.",
      };
    default:
      return job.status satisfies never;
  }
}

/** What can be done, where the service's sentence does not say it. */
const advice: Readonly<Partial<Record<FailureReason, string>>> = {
  "bad-content": "Choose another picture.",
  "bad-style": "Choose another style.",
  "missing-input": "Start it anew.",
  "timed-out": "Choose a smaller size, or fewer steps.",
  interrupted: "Start it anew: nothing is wrong with it.",
};

/** A machine is got ready, or has begun and says nothing yet. */
function startingStage({ etaMs }: JobView): Stage {
  return {
    title: "Warming up a GPU",
    line: "Painting begins in a moment.",
    progress: { label: "Warming up" },
    timeLeft: etaMs === undefined ? undefined : `Done in ${duration(etaMs)}`,
    tab: "Warming up",
    announcement: "Warming up a GPU.",
  };
}

function queuedStage({ position, etaMs }: JobView): Stage {
  const line = placeInQueue(position);
  return {
    title: "Waiting for its turn",
    line,
    progress: { label: "Waiting" },
    timeLeft: etaMs === undefined ? undefined : `Done in ${duration(etaMs)}`,
    tab: "Waiting",
    announcement: `Waiting. ${line}`,
  };
}

function placeInQueue(position: number | undefined): string {
  if (position === undefined) return "Your picture is in the queue.";
  if (position === 0) return "Yours is the next.";
  return position === 1 ? "1 picture before yours." : `${position} pictures before yours.`;
}
