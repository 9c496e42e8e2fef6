/** What can be done with a job: stop it while it goes on; take, share or delete what came of it. */
import { useState } from "preact/hooks";
import { hasEnded, type JobReference, type JobView, ServiceError } from "../../client/index.ts";
import { Notice } from "../notice.tsx";
import { hrefOf } from "../router.ts";
import { service } from "../service.ts";
import { DeleteButton } from "./delete-button.tsx";
import { DownloadButton } from "./download-button.tsx";
import { useResult } from "./saving.ts";
import { ShareButton } from "./share-button.tsx";
import type { FollowedJob } from "./use-job.ts";

export interface JobActionsProps extends Pick<FollowedJob, "show" | "refresh"> {
  readonly job: JobView;
  readonly reference: JobReference;
}

export function JobActions(props: JobActionsProps) {
  const { job, reference } = props;
  if (!hasEnded(job)) return <CancelButton {...props} />;
  return (
    <div class="job-actions">
      {job.result === undefined ? (
        <a class="button primary" href={hrefOf.request}>
          {job.status === "failed" ? "Try again" : "Start again"}
        </a>
      ) : (
        <ResultActions {...props} />
      )}
      <DeleteButton reference={reference} />
    </div>
  );
}

function ResultActions({ job, reference, refresh }: JobActionsProps) {
  const [problem, setProblem] = useState<string>();
  const picture = useResult(job, refresh);
  return (
    <>
      <DownloadButton picture={picture} style={job.style} id={job.jobId} onProblem={setProblem} />
      <ShareButton job={job} reference={reference} picture={picture} onProblem={setProblem} />
      <a class="button" href={hrefOf.request}>
        New picture
      </a>
      <div class="job-problem">
        <Notice text={problem} />
        {problem && job.result && (
          <a href={job.result} target="_blank" rel="noreferrer">
            Open the picture by itself
          </a>
        )}
      </div>
    </>
  );
}

function CancelButton({ reference, show, refresh }: JobActionsProps) {
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const cancel = async () => {
    setIsBusy(true);
    setProblem(undefined);
    try {
      show(await service.cancel(reference));
    } catch (error) {
      const hasJustEnded = error instanceof ServiceError && error.code === "not-cancellable";
      if (hasJustEnded) await refresh();
      else setProblem((error as Error).message);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <div class="job-actions">
      <button type="button" class="button" disabled={isBusy} onClick={() => void cancel()}>
        {isBusy ? "Cancelling…" : "Cancel"}
      </button>
      <div class="job-problem">
        <Notice text={problem} />
      </div>
    </div>
  );
}
