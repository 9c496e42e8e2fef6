/** One suite over every store of jobs: the feed of public results. */
import { expect, test } from "vitest";
import { addResults, describeStores, end, job, wholeFeed } from "./testing/job-stores.ts";

describeStores((stores) => {
  test("shows public results alone, newest first, those of one millisecond in a fixed order", async () => {
    const store = stores().open();
    const now = Date.now();
    const ids = await addResults(store, [now + 1, now + 3, now + 2, now + 2, now + 2]);
    for (const status of ["failed", "cancelled", "running"] as const) {
      const { jobId } = (await store.create(job())).record;
      await end(store, jobId, now + 4, status);
    }
    const secret = job({ isPrivate: true });
    await store.create(secret);
    await end(store, secret.jobId, now + 4);
    const expected = [ids[1], ...ids.slice(2).sort().reverse(), ids[0]];
    for (const limit of [1, 2, 3, 5, 100]) expect(await wholeFeed(store, limit)).toEqual(expected);
  });

  test("shows each result once while others arrive and go", async () => {
    const store = stores().open();
    const now = Date.now();
    const ids = (
      await addResults(
        store,
        Array.from({ length: 12 }, (_, i) => now + i),
      )
    ).reverse();
    const first = await store.feed({ limit: 4 });
    await addResults(store, [now + 100, now + 101, now + 102]);
    await store.remove(ids[5]!);
    await store.remove(ids[3]!);
    const second = await store.feed({ limit: 4, cursor: first.next });
    const third = await store.feed({ limit: 4, cursor: second.next });
    const shown = [first, second, third].flatMap((page) => page.records.map((record) => record.jobId));
    expect(shown).toEqual(ids.filter((id) => id !== ids[5]));
    expect(second.records).toHaveLength(4);
    expect(third.next).toBeUndefined();
    // A result that is told of twice, as queues do.
    await end(store, ids[0]!, now + 11);
    expect((await wholeFeed(store, 5)).filter((id) => id === ids[0])).toHaveLength(1);
  });

  test("refuses a cursor of somebody's own making", async () => {
    const refusal = { name: "StoreError", retryable: false };
    await expect(
      stores()
        .open()
        .feed({ limit: 1, cursor: "x".repeat(300) }),
    ).rejects.toMatchObject(refusal);
  });
});
