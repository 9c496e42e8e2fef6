/** Jobs of which the news was lost: what the queue and the store say of them, every so often. */
import { tracer } from "../common/trace.ts";
import { type JobStatus, keys } from "../protocol/protocol.ts";
import type { JobQueue, QueuedJob } from "../stores/job-queue.ts";
import type { JobRecord, JobStore } from "../stores/job-store.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import type { JobService } from "./job-service.ts";
import { reasonOf } from "./news.ts";

/** Milliseconds in which a gateway surely has submitted what it took, and the news of a worker surely have come. */
const GRACE_MS = 30_000;

const trace = tracer("gateway:reconciler");

export interface ReconcilerParts {
  readonly jobs: JobStore;
  readonly queue: JobQueue;
  readonly objects: ObjectStore;
  readonly service: JobService;
}

/** The jobs that had not ended at the beginning of a round. */
export interface Round {
  readonly queued: number;
  readonly starting: number;
  readonly running: number;
  /** Since the oldest job in the queue was created; 0 where there is none. */
  readonly oldestQueuedMs: number;
}

/** Returns what does one round over all jobs that have not ended. Several gateways may: every change is made once. */
export function createReconciler(parts: ReconcilerParts, graceMs = GRACE_MS): () => Promise<Round> {
  const { jobs, queue, service } = parts;
  /** Jobs that have ended in silence, and when that was first seen: their news may still be on the way. */
  let silentBefore = new Map<string, number>();
  return async () => {
    const records = await jobs.active();
    for (const record of records) {
      // The gateway that took it died before it could submit it, or after it had and before it could say so: workers
      // stand both.
      const isForgotten = record.queueId === undefined && Date.now() - record.createdAt >= graceMs;
      if (isForgotten) await service.submit(record);
    }
    const submitted = records.filter(({ queueId }) => queueId !== undefined);
    const states = await queue.describe(submitted.map(({ queueId }) => queueId!));
    const silent = new Map<string, number>();
    for (const [i, record] of submitted.entries()) {
      const { state } = states[i]!;
      trace(() => `${record.jobId} is ${record.status}, and ${state} in the queue`);
      if (state === "starting" || state === "running") await service.began(record.jobId, state);
      if (state === "queued" || state === "starting" || state === "running") continue;
      const since = silentBefore.get(record.jobId) ?? Date.now();
      if (Date.now() - since >= graceMs) await settle(record, states[i]!, parts);
      else silent.set(record.jobId, since);
    }
    silentBefore = silent;
    return roundOf(records);
  };
}

async function settle(record: JobRecord, { state, reason, failure }: QueuedJob, parts: ReconcilerParts) {
  const { service, objects } = parts;
  const resultKey = keys.output(record.isPrivate, record.jobId);
  if (await objects.head(resultKey)) return service.succeed(record.jobId, resultKey);
  if (state === "failed") return service.fail(record.jobId, failure ?? reasonOf(reason));
  if (state === "succeeded") return service.fail(record.jobId, "internal"); // it said so, but left nothing
  await service.submit(record); // the queue has forgotten it, as that of child processes does when its gateway ends
}

function roundOf(records: readonly JobRecord[]): Round {
  const count = (status: JobStatus) => records.filter((record) => record.status === status).length;
  const oldest = records.find(({ status }) => status === "queued"); // the oldest comes first
  return {
    queued: count("queued"),
    starting: count("starting"),
    running: count("running"),
    oldestQueuedMs: oldest ? Date.now() - oldest.createdAt : 0,
  };
}
