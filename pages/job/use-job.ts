/** A job that is followed while its page is open, and the key that entitles to it. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { hasEnded, type JobReference, type JobView, ServiceError } from "../../client/index.ts";
import { ownJob, remember } from "../own-jobs.ts";
import { hrefOf } from "../router.ts";
import { service } from "../service.ts";

/** Presigned URLs hold for 15 minutes: after so many out of sight they are asked for again. */
const ASLEEP_MS = 600_000;

export interface FollowedJob {
  /** Its last known state, whatever becomes of the connection. */
  readonly job: JobView | undefined;
  /** There is no such job any more, or this is not its key. */
  readonly isUnknown: boolean;
  readonly show: (job: JobView) => void;
  /** Asks for the present state with fresh URLs; undefined where there is none to be had. */
  readonly refresh: () => Promise<JobView | undefined>;
}

export function useJob(reference: JobReference | undefined): FollowedJob {
  const { jobId, token } = reference ?? {};
  const [job, setJob] = useState<JobView>();
  const [isUnknown, setIsUnknown] = useState(false);
  const show = useCallback((next: JobView) => {
    setJob((last) => (last && hasEnded(last) && !hasEnded(next) ? last : next));
  }, []);
  const refresh = useCallback(async () => {
    if (jobId === undefined || token === undefined) return;
    try {
      const fresh = await service.job({ jobId, token });
      show(fresh);
      return fresh;
    } catch (error) {
      if (error instanceof ServiceError && error.code === "unknown-job") setIsUnknown(true);
      return;
    }
  }, [jobId, token]);
  useEffect(() => {
    setIsUnknown(false); // another key may be the right one
    if (jobId === undefined || token === undefined) return;
    return service.follow({ jobId, token }, show, () => setIsUnknown(true));
  }, [jobId, token]);
  useWaking(refresh);
  return { job, isUnknown: isUnknown || reference === undefined, show, refresh };
}

/** Calls `onWake` when the page was out of sight for long. */
function useWaking(onWake: () => void): void {
  useEffect(() => {
    let hiddenAt = document.hidden ? Date.now() : Number.POSITIVE_INFINITY;
    const look = () => {
      if (!document.hidden && Date.now() - hiddenAt > ASLEEP_MS) onWake();
      hiddenAt = document.hidden ? Date.now() : Number.POSITIVE_INFINITY;
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [onWake]);
}

/** The key that the address brings, or the one that this browser has. */
export function useReference(jobId: string, token: string | undefined): JobReference | undefined {
  // the address loses its token once it is kept
  const given = useRef(token);
  if (token !== undefined) given.current = token;
  const key = given.current ?? ownJob(jobId)?.token;
  return key === undefined ? undefined : { jobId, token: key };
}

/**
 * Keeps a token that came with the address, once it has proved right, and takes it out of sight. False: only the
 * address has it.
 */
export function keepToken(job: JobView, token: string): boolean {
  const { jobId, isPrivate, style, createdAt } = job;
  const isKept = ownJob(jobId)?.token === token || remember({ jobId, token, isPrivate, createdAt, style });
  if (isKept && location.hash.includes(token)) history.replaceState(history.state, "", hrefOf.job(jobId));
  return isKept;
}
