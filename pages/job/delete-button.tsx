import { useRef, useState } from "preact/hooks";
import type { JobReference } from "../../client/index.ts";
import { Notice } from "../notice.tsx";
import { forget } from "../own-jobs.ts";
import { go, hrefOf } from "../router.ts";
import { service } from "../service.ts";

/** Asks, deletes, and goes on to the pictures that are left. */
export function DeleteButton({ reference }: { readonly reference: JobReference }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const remove = async () => {
    setIsBusy(true);
    setProblem(undefined);
    try {
      await service.remove(reference);
      forget(reference.jobId);
      dialog.current?.close();
      go(hrefOf.mine);
    } catch (error) {
      setProblem((error as Error).message);
      setIsBusy(false);
    }
  };
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
          <button type="button" class="button danger filled" disabled={isBusy} onClick={() => void remove()}>
            {isBusy ? "Deleting…" : "Delete it"}
          </button>
        </div>
      </dialog>
    </>
  );
}
