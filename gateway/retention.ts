/** Objects of one machine that nobody will ask for again: what lifecycle rules of a bucket do in the cloud. */
import type { ObjectStore } from "../stores/object-store.ts";

const DAY_MS = 86_400_000;
const EVERY_MS = DAY_MS / 4;

/** Deletes what is older than the records of jobs may be, and uploads that were not used within a day. */
export async function removeOld(objects: ObjectStore, retentionDays: number, now = Date.now()) {
  const recordMs = (retentionDays + 1) * DAY_MS;
  await removeUnder(objects, "private/upload/", now - DAY_MS);
  await removeUnder(objects, "private/", now - recordMs);
  await removeUnder(objects, "public/", now - recordMs);
}

/** Does so now and every few hours. Returns a function that stops. */
export function removeOldAlways(
  objects: ObjectStore,
  retentionDays: number,
  onError: (error: unknown) => void,
): () => void {
  const remove = () => void removeOld(objects, retentionDays).catch(onError);
  remove();
  const timer = setInterval(remove, EVERY_MS);
  return () => clearInterval(timer);
}

async function removeUnder(objects: ObjectStore, prefix: string, before: number): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await objects.list(prefix, { limit: 1000, cursor });
    for (const { key, modified } of page.objects) if (modified < before) await objects.delete(key);
    cursor = page.next;
  } while (cursor !== undefined);
}
