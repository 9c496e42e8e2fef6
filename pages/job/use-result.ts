/** The result's bytes, fetched when they are first asked for. */
import { useRef } from "preact/hooks";
import type { JobView } from "../../client/index.ts";
import { fetchPicture } from "./saving.ts";

/** Its URL may have gone stale: then one more try with a fresh one. Throws where the picture does not come. */
export function useResult(job: JobView, refresh: () => Promise<JobView | undefined>): () => Promise<Blob> {
  const kept = useRef<Blob | undefined>(undefined);
  return async () => {
    kept.current ??= await fetchPicture(job.result!).catch(async (error: unknown) => {
      const fresh = await refresh();
      if (fresh?.result === undefined) throw error;
      return fetchPicture(fresh.result);
    });
    return kept.current;
  };
}
