/** Looks at stores of jobs, for tests. */
import type { JobStore } from "../job-store.ts";

export async function activeIds(store: JobStore): Promise<readonly string[]> {
  return (await store.active()).map(({ jobId }) => jobId);
}
