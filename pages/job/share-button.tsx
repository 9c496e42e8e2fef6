/** A public picture is shared as a file or by its address; a private one by a link that has its key. */
import { useState } from "preact/hooks";
import type { JobReference, JobView } from "../../client/index.ts";
import { hrefOf } from "../router.ts";
import { canShareFiles, copyText, pictureName, shareFile } from "./saving.ts";

export interface ShareButtonProps {
  readonly job: JobView;
  readonly reference: JobReference;
  readonly picture: () => Promise<Blob>;
  readonly onProblem: (sentence: string | undefined) => void;
}

/** What is said below the button. `link` is shown where it could not be copied. */
interface Outcome {
  readonly sentence: string;
  readonly link?: string;
}

export function ShareButton({ job, reference, picture, onProblem }: ShareButtonProps) {
  const [outcome, setOutcome] = useState<Outcome>();
  const copy = async (link: string, sentence: string) => {
    const isCopied = await copyText(link);
    setOutcome(isCopied ? { sentence } : { sentence: "Copy this link:", link });
  };
  const copyKey = () => copy(keyLink(reference), "Copied.");
  const copyAddress = () => copy(job.result!, "Copied: the address of the picture.");
  const share = async () => {
    onProblem(undefined);
    if (!canShareFiles()) return copyAddress();
    try {
      const shared = await shareFile(await picture(), pictureName(job.style, job.jobId));
      if (shared === "unable") await copyAddress();
      if (shared === "ask-again") setOutcome({ sentence: "The picture is ready: press Share once more." });
    } catch {
      onProblem("The picture could not be fetched; try again in a moment.");
    }
  };
  return (
    <>
      <button
        type="button"
        class={`button ${job.isPrivate ? "whole" : ""}`}
        onClick={() => void (job.isPrivate ? copyKey() : share())}
      >
        {job.isPrivate ? "Copy a link with the key" : canShareFiles() ? "Share" : "Copy link"}
      </button>
      <div class="muted small job-share" role="status">
        {outcome && <p>{outcome.sentence}</p>}
        {outcome?.link && (
          <input
            readOnly
            aria-label="Link"
            value={outcome.link}
            onFocus={({ currentTarget }) => currentTarget.select()}
          />
        )}
      </div>
      {job.isPrivate && (
        <p class="muted small job-warning">Whoever has this link can see the picture and delete it.</p>
      )}
    </>
  );
}

function keyLink({ jobId, token }: JobReference): string {
  return `${location.origin}${location.pathname}${hrefOf.job(jobId)}/${token}`;
}
