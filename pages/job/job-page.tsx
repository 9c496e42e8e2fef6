/** One job, from its place in the queue to its picture. */
import { useEffect, useState } from "preact/hooks";
import { hasEnded, type JobReference, type JobView } from "../../client/index.ts";
import { hrefOf } from "../router.ts";
import "./job.css";
import { styleTitle } from "../words.ts";
import { JobActions } from "./job-actions.tsx";
import { JobProgress, paintedIn, type Stage, stageOf } from "./job-progress.tsx";
import { PictureStage } from "./picture-stage.tsx";
import { keepToken, useJob, useReference } from "./use-job.ts";

export interface JobPageProps {
  readonly jobId: JobReference["jobId"];
  readonly token: string | undefined;
}

const looking: Stage = {
  title: "Looking for your picture",
  progress: { label: "Looking" },
  tab: "Your picture",
  announcement: "",
};

export function JobPage({ jobId, token }: JobPageProps) {
  const reference = useReference(jobId, token);
  const { job, isUnknown, show, refresh } = useJob(reference);
  const [isKept, setIsKept] = useState(true);
  useEffect(() => {
    if (job && reference) setIsKept(keepToken(job, reference.token));
  }, [job !== undefined, reference?.token]);
  if (isUnknown || !reference) return <UnknownJob />;
  const isAlive = job !== undefined && !hasEnded(job);
  return (
    <section class="page job" aria-busy={job === undefined}>
      <PictureStage
        content={job?.content}
        preview={isAlive ? job.preview : undefined}
        result={job?.result}
        isAlive={isAlive || !job}
        resultAlt={paintedIn(job?.style)}
        onBroken={refresh}
      />
      <div class="job-side">
        <JobProgress stage={job ? stageOf(job) : looking} />
        {job?.status === "succeeded" && <Audience isPrivate={job.isPrivate} />}
        {job && <JobActions job={job} reference={reference} show={show} refresh={refresh} />}
        {isAlive && isKept && (
          <p class="muted small">
            You may close this page. Your picture goes on, and waits for you under{" "}
            <a href={hrefOf.mine}>Yours</a>.
          </p>
        )}
        {!isKept && (
          <p class="muted small">
            This browser keeps nothing: the address of this page is the way back to it.
          </p>
        )}
        {job && <JobDetails job={job} />}
      </div>
    </section>
  );
}

function Audience({ isPrivate }: { readonly isPrivate: boolean }) {
  return (
    <p class="muted">
      {isPrivate ? (
        "Private: only its key opens it."
      ) : (
        <>
          Public: everyone can see it in <a href={hrefOf.feed}>the feed</a>.
        </>
      )}
    </p>
  );
}

function UnknownJob() {
  return (
    <section class="page narrow nothing-here">
      <h1>There is no such picture here</h1>
      <p>
        It was deleted, is older than the service keeps pictures, or was started in another browser, which has
        its key.
      </p>
      <div class="row">
        <a class="button primary" href={hrefOf.request}>
          Start a new picture
        </a>
        <a class="button" href={hrefOf.mine}>
          Your pictures
        </a>
      </div>
    </section>
  );
}

export function JobDetails({ job }: { readonly job: JobView }) {
  const { style, options, isPrivate, createdAt, startedAt, endedAt, loss } = job;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["Style", style === undefined ? "Your own picture" : styleTitle(style)],
    ["Shown to", isPrivate ? "you, and whoever has its key" : "everyone, in the feed"],
    ["Long side", options.size === undefined ? "as the original" : `${options.size} pixels`],
    ["Strength", options.strength],
    ["Steps", options.steps === undefined ? undefined : String(options.steps)],
    ["Begun", new Date(createdAt).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })],
    ["Painted in", startedAt !== undefined && endedAt !== undefined ? took(endedAt - startedAt) : undefined],
    ["Loss", loss === undefined ? undefined : loss.toPrecision(4)],
  ];
  return (
    <details class="job-details">
      <summary>Details</summary>
      <dl>
        {rows.map(
          ([name, value]) =>
            value !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </details>
  );
}

function took(ms: number): string {
  const seconds = Math.max(Math.round(ms / 1000), 1);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
