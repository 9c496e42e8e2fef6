/** The pictures that this browser started, the newest first. */
import { useEffect, useState } from "preact/hooks";
import { hasEnded, type JobView, ServiceError } from "../../client/index.ts";
import { forget, type OwnJob, ownJobs } from "../own-jobs.ts";
import { hrefOf } from "../router.ts";
import { service } from "../service.ts";
import { ago, styleTitle } from "../words.ts";
import { fewAtATime } from "./few-at-a-time.ts";
import "./mine.css";

export function MinePage() {
  const [jobs, setJobs] = useState(ownJobs);
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const remove = (jobIds: Iterable<string>) => {
    for (const jobId of jobIds) forget(jobId);
    setJobs(ownJobs());
    setGone(new Set());
  };
  if (jobs.length === 0) return <NoPictures />;
  return (
    <section class="page mine">
      <div class="mine-head">
        <h1>Your pictures</h1>
        <div role="status">
          {gone.size > 0 && (
            <button type="button" class="button" onClick={() => remove(gone)}>
              {gone.size === 1 ? "Remove the one that is gone" : `Remove ${gone.size} that are gone`}
            </button>
          )}
        </div>
      </div>
      <p class="muted">This browser has their keys. The service keeps pictures for some days.</p>
      <ul class="mine-grid">
        {jobs.map((job) => (
          <MineCard key={job.jobId} own={job} onGone={() => setGone((all) => new Set(all).add(job.jobId))} />
        ))}
      </ul>
    </section>
  );
}

function NoPictures() {
  return (
    <section class="page narrow mine-none">
      <svg viewBox="0 0 120 90" width="120" height="90" aria-hidden="true">
        <rect x="14" y="8" width="92" height="74" rx="8" />
        <path d="M14 66 44 40l20 18 16-14 26 22" />
        <circle cx="80" cy="28" r="7" />
      </svg>
      <h1>No pictures yet</h1>
      <p class="muted">What you start in this browser is listed here, so that you find it again.</p>
      <a class="button primary" href={hrefOf.request}>
        Paint your first picture
      </a>
    </section>
  );
}

const ask = fewAtATime(4);

/** One of them, as it stands. */
function MineCard({ own, onGone }: { readonly own: OwnJob; readonly onGone: () => void }) {
  const { job, isGone, refresh } = useOwnJob(own, onGone);
  const name = own.style === undefined ? "Your own style" : styleTitle(own.style);
  return (
    <li>
      <a class={`mine-card ${isGone ? "gone" : ""}`} href={hrefOf.job(own.jobId)}>
        <span class="mine-picture">
          {job && <Thumbnail job={job} onBroken={refresh} />}
          <State job={job} isGone={isGone} />
        </span>
        <span class="mine-name">{name}</span>
        <span class="muted small">
          {ago(own.createdAt, Date.now())}
          {own.isPrivate && " · private"}
        </span>
      </a>
    </li>
  );
}

/** The state when it is first seen; followed from there to its end. */
function useOwnJob(own: OwnJob, onGone: () => void) {
  const [job, setJob] = useState<JobView>();
  const [isGone, setIsGone] = useState(false);
  useEffect(() => {
    const leaving = new AbortController();
    let stop = () => {};
    const vanish = () => {
      setIsGone(true);
      onGone();
    };
    const look = async () => {
      if (leaving.signal.aborted) return;
      try {
        const view = await service.job(own);
        if (leaving.signal.aborted) return;
        setJob(view);
        if (!hasEnded(view)) stop = service.follow(own, setJob, vanish);
      } catch (error) {
        const isUnknown = error instanceof ServiceError && error.code === "unknown-job";
        if (isUnknown && !leaving.signal.aborted) vanish();
      }
    };
    void ask(look);
    return () => {
      leaving.abort();
      stop();
    };
  }, [own.jobId]);
  const refresh = () => service.job(own).then(setJob, () => {});
  return { job, isGone, refresh };
}

function Thumbnail({ job, onBroken }: { readonly job: JobView; readonly onBroken: () => Promise<void> }) {
  const [tries, setTries] = useState(0);
  const src = (tries === 0 ? job.thumbnail : undefined) ?? job.result ?? job.preview ?? job.content;
  if (src === undefined || tries > 1) return null;
  return (
    <img
      key={tries}
      src={src}
      alt=""
      loading="lazy"
      class={job.result === undefined && job.preview === undefined ? "veiled" : ""}
      onError={() => void onBroken().then(() => setTries((last) => last + 1))}
    />
  );
}

function State({ job, isGone }: { readonly job: JobView | undefined; readonly isGone: boolean }) {
  if (isGone) return <span class="tag mine-state">No longer kept</span>;
  if (!job || job.status === "succeeded") return null;
  const { status, step, total } = job;
  if (status !== "running" || step === undefined || total === undefined)
    return <span class="tag mine-state">{words[status]}</span>;
  return (
    <>
      <span class="tag mine-state">{`${Math.floor((100 * step) / total)} %`}</span>
      <progress class="progress" aria-label="Painting" max={total} value={step} />
    </>
  );
}

const words = {
  queued: "Waiting",
  starting: "Warming up",
  running: "Warming up",
  failed: "Did not work",
  cancelled: "Cancelled",
} as const;
