/** How far a picture is, for the eye and the ear. */
import { useEffect } from "preact/hooks";
import type { Stage } from "./job-words.ts";

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
