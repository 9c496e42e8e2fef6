/** One of the pictures that this browser started, as it stands. */
import { useEffect, useState } from "preact/hooks";
import { hasEnded, type JobView, ServiceError } from "../../client/index.ts";
import type { OwnJob } from "../own-jobs.ts";
import { hrefOf } from "../router.ts";
import { service } from "../service.ts";
import { ago, styleTitle } from "../words.ts";
import { fewAtATime } from "./few-at-a-time.ts";

const ask = fewAtATime(4);

export function MineCard({ own, onGone }: { readonly own: OwnJob; readonly onGone: () => void }) {
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
        <span class="mine-when">
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
  if (isGone) return <span class="mine-state">No longer kept</span>;
  if (!job || job.status === "succeeded") return null;
  const { status, step, total } = job;
  if (status !== "running" || step === undefined || total === undefined)
    return <span class="mine-state">{words[status]}</span>;
  return (
    <>
      <span class="mine-state">{`${Math.floor((100 * step) / total)} %`}</span>
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
