/** What can be done with a job: stop it while it goes on; take, share or delete what came of it. */
import { useRef, useState } from "preact/hooks";
import { hasEnded, type JobReference, type JobView, ServiceError } from "../../client/index.ts";
import { forget } from "../own-jobs.ts";
import { Notice } from "../parts.tsx";
import { go, hrefOf } from "../router.ts";
import { service } from "../service.ts";
import { pictureName, save, useResult } from "./saving.ts";
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
  const [problem, setProblem] = useState<string>();
  const [isBusy, cancel] = useAction(setProblem, async () => {
    try {
      show(await service.cancel(reference));
    } catch (error) {
      const hasJustEnded = error instanceof ServiceError && error.code === "not-cancellable";
      if (!hasJustEnded) throw error;
      await refresh();
    }
  });
  return (
    <div class="job-actions">
      <button type="button" class="button" disabled={isBusy} onClick={cancel}>
        {isBusy ? "Cancelling…" : "Cancel"}
      </button>
      <div class="job-problem">
        <Notice text={problem} />
      </div>
    </div>
  );
}

/** Asks, deletes, and goes on to the pictures that are left. */
function DeleteButton({ reference }: { readonly reference: JobReference }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string>();
  const [isBusy, remove] = useAction(setProblem, async () => {
    await service.remove(reference);
    forget(reference.jobId);
    dialog.current?.close();
    go(hrefOf.mine);
  });
  return (
    <>
      <button type="button" class="button plain danger" onClick={() => dialog.current?.showModal()}>
        Delete
      </button>
      <dialog ref={dialog} class="ask" aria-labelledby="delete-title" aria-describedby="delete-text">
        <h2 id="delete-title">Delete this picture?</h2>
        <p id="delete-text">
          The result and the original are removed for everyone, and can't be brought back.
        </p>
        <Notice text={problem} />
        <div class="row">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
          <button type="button" class="button danger filled" disabled={isBusy} onClick={remove}>
            {isBusy ? "Deleting…" : "Delete it"}
          </button>
        </div>
      </dialog>
    </>
  );
}

export interface DownloadButtonProps {
  readonly picture: () => Promise<Blob>;
  /** Of the file's name. */
  readonly style: string | undefined;
  readonly id: string;
  readonly onProblem: (sentence: string | undefined) => void;
}

export function DownloadButton({ picture, style, id, onProblem }: DownloadButtonProps) {
  const [isBusy, download] = useAction(onProblem, async () => {
    const file = await picture().catch(() => {
      throw new Error("The picture could not be downloaded; try again in a moment.");
    });
    save(file, pictureName(style, id));
  });
  return (
    <button type="button" class="button primary" disabled={isBusy} onClick={download}>
      {isBusy ? "Downloading…" : "Download"}
    </button>
  );
}

/** Whether `work` is being done, and what starts it. `onProblem` hears why it failed, until it begins anew. */
function useAction(onProblem: (sentence: string | undefined) => void, work: () => Promise<void>) {
  const [isBusy, setIsBusy] = useState(false);
  const start = async () => {
    setIsBusy(true);
    onProblem(undefined);
    try {
      await work();
    } catch (error) {
      onProblem((error as Error).message);
    } finally {
      setIsBusy(false);
    }
  };
  return [isBusy, () => void start()] as const;
}
