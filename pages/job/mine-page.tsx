/** The pictures that this browser started, the newest first. */
import { useState } from "preact/hooks";
import { forget, ownJobs } from "../own-jobs.ts";
import { hrefOf } from "../router.ts";
import { MineCard } from "./mine-card.tsx";
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
