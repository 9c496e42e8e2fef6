import { useEffect, useRef } from "preact/hooks";
import type { UploadProgress } from "../../client/index.ts";
import { Icon, Notice } from "../parts.tsx";
import { useConnection } from "../service.ts";

interface PaintBarProps {
  /** Addresses of the pictures that were chosen. */
  readonly picture: string | undefined;
  readonly style: string | undefined;
  /** What will be painted, in words. */
  readonly summary: string;
  readonly problem: string | undefined;
  readonly progress: UploadProgress | undefined;
  readonly onCancel: () => void;
}

/** What was chosen, and the button that starts it; always in sight. */
export function PaintBar({ picture, style, summary, problem, progress, onCancel }: PaintBarProps) {
  return (
    <div class="bar">
      <Notice id="request-problem" text={problem} />
      <div class="bar-row">
        <span class="pair" aria-hidden="true">
          <Thumb url={picture} />
          <Icon name="plus" />
          <Thumb url={style} />
        </span>
        {progress ? (
          <Uploading {...progress} onCancel={onCancel} />
        ) : (
          <>
            <p class="summary muted">{summary}</p>
            <button type="submit" id="paint" class="button primary" aria-describedby="request-problem">
              Paint it
            </button>
          </>
        )}
      </div>
    </div>
  );
}

function Thumb({ url }: { readonly url: string | undefined }) {
  return <span class="thumb">{url && <img key={url} src={url} alt="" draggable={false} />}</span>;
}

interface UploadingProps extends UploadProgress {
  readonly onCancel: () => void;
}

function Uploading({ sent, total, onCancel }: UploadingProps) {
  const { state } = useConnection();
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => cancel.current?.focus(), []); // the button that had the focus is gone
  const isSent = total > 0 && sent >= total;
  const isWaiting = state !== "connected";
  const percent = total > 0 ? Math.floor((sent / total) * 100) : 0;
  const text = isWaiting ? "Waiting for a connection" : isSent ? "Handing it over" : "Uploading";
  return (
    <>
      <div class="uploading">
        <p>
          <span role="status">{text}…</span> {!isWaiting && !isSent && <span class="muted">{percent} %</span>}
        </p>
        <progress
          class="progress"
          aria-label="Upload"
          max={100}
          value={isWaiting || isSent ? undefined : percent}
        />
      </div>
      <button ref={cancel} type="button" class="button" onClick={onCancel}>
        Cancel
      </button>
    </>
  );
}
