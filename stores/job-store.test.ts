/** One suite over every store of jobs: its records, who is active, and what outlives what. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { addResults, describeStores, end, job, wholeFeed } from "./testing/job-stores.ts";
import { activeIds } from "./testing/jobs.ts";

describeStores((stores) => {
  test("keeps a record as it is given", async () => {
    const store = stores().open();
    const record = job({
      options: { size: 512, strength: "bold" },
      progress: { at: 1, step: 2, total: 3, etaMs: 4 },
    });
    expect(await store.create(record)).toEqual({ record, created: true });
    expect(await store.get(record.jobId)).toEqual(record);
    expect(await store.get(job().jobId)).toBeUndefined();
    await store.check();
  });

  test("refuses another job with the same id, and repeats a call that seemed to fail", async () => {
    const store = stores().open();
    const record = job();
    await store.create(record);
    await expect(store.create(job({ jobId: record.jobId }))).rejects.toMatchObject({
      name: "StoreError",
      retryable: false,
    });
    expect(await store.create(record)).toEqual({ record, created: true });
    expect(await activeIds(store)).toEqual([record.jobId]);
  });

  test("loses none of 50 concurrent updates, and gives each its own seq", async () => {
    const store = stores().open();
    const { jobId } = (await store.create(job({ createdAt: 0 }))).record;
    const one = () => store.update(jobId, (record) => ({ ...record, createdAt: record.createdAt + 1 }));
    const answers = await Promise.all(Array.from({ length: 50 }, one));
    const seqs = answers.map((answer) => answer!.record.seq).sort((a, b) => a - b);
    expect(seqs).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(await store.get(jobId)).toMatchObject({ seq: 50, createdAt: 50 });
    for (const answer of answers) expect(answer!.record.createdAt).toBe(answer!.record.seq);
  });

  test("leaves a record alone when told to, and has none to change where there is none", async () => {
    const store = stores().open();
    const { record } = await store.create(job());
    expect(await store.update(record.jobId, () => undefined)).toEqual({ record, changed: false });
    expect(await store.update(job().jobId, (other) => other)).toBeUndefined();
    await expect(
      store.update(record.jobId, () => {
        throw new Error("ours");
      }),
    ).rejects.toThrow("ours");
    expect(await store.get(record.jobId)).toEqual(record);
  });

  test("lets one of several ends win", async () => {
    const store = stores().open();
    const { jobId } = (await store.create(job())).record;
    const finish = (status: "succeeded" | "failed" | "cancelled") =>
      store.update(jobId, (record) =>
        record.status === "queued" ? { ...record, status, endedAt: 5 } : undefined,
      );
    const answers = await Promise.all([
      finish("failed"),
      finish("cancelled"),
      finish("succeeded"),
      finish("failed"),
    ]);
    expect(answers.filter((answer) => answer!.changed)).toHaveLength(1);
    const stored = await store.get(jobId);
    for (const answer of answers) expect(answer!.record).toEqual(stored);
    expect(await activeIds(store)).toEqual([]);
  });

  test("makes one job of 20 concurrent requests with one idempotency key", async () => {
    const store = stores().open();
    const answers = await Promise.all(Array.from({ length: 20 }, () => store.create(job(), "the same key")));
    expect(answers.filter((answer) => answer.created)).toHaveLength(1);
    const [jobId] = await activeIds(store);
    for (const answer of answers) expect(answer.record.jobId).toBe(jobId);
    expect(await store.activeOf("somebody")).toBe(1);
    expect((await store.create(job(), "the same key")).record.jobId).toBe(jobId);
    expect((await store.getByKey("somebody", "the same key"))?.jobId).toBe(jobId);
    expect(await store.getByKey("another", "the same key")).toBeUndefined();
    expect(await store.getByKey("somebody", "another key")).toBeUndefined();
  });

  test("keeps idempotency keys of clients and of jobs apart, and frees those of removed jobs", async () => {
    const store = stores().open();
    const first = await store.create(job(), "a key");
    const ofAnother = await store.create(job({ client: "another" }), "a key");
    const second = await store.create(job(), "b key");
    expect([first, ofAnother, second].every((answer) => answer.created)).toBe(true);
    await end(store, first.record.jobId, 1, "failed");
    expect(await store.create(job(), "a key")).toMatchObject({
      created: false,
      record: { status: "failed" },
    });
    await store.remove(first.record.jobId);
    expect(await store.getByKey("somebody", "a key")).toBeUndefined();
    const answers = await Promise.all(Array.from({ length: 5 }, () => store.create(job(), "a key")));
    expect(answers.filter((answer) => answer.created)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.record.jobId)).size).toBe(1);
  });

  test("knows who is active, in whose name, and who waits before whom", async () => {
    const store = stores().open();
    const times = [30, 10, 20, 20];
    const records = times.map((createdAt, i) => job({ createdAt, client: i === 0 ? "another" : "somebody" }));
    for (const record of records) await store.create(record);
    const [last, first, ...ties] = records.map((record) => record.jobId) as [string, string, string, string];
    const order = [first, ...ties.sort(), last];
    expect(await activeIds(store)).toEqual(order);
    expect(await Promise.all(order.map((jobId) => store.position(jobId)))).toEqual([0, 1, 2, 3]);
    expect([
      await store.activeOf("somebody"),
      await store.activeOf("another"),
      await store.activeOf("nobody"),
    ]).toEqual([3, 1, 0]);

    await store.update(first, (record) => ({ ...record, status: "running" }));
    expect(await activeIds(store)).toEqual(order);
    expect(await Promise.all(order.map((jobId) => store.position(jobId)))).toEqual([0, 0, 1, 2]);
    await store.update(first, (record) => ({ ...record, status: "queued" }));
    expect(await store.position(last)).toBe(3);

    await end(store, first, 40, "cancelled");
    await store.remove(ties[0]!);
    expect(await activeIds(store)).toEqual([ties[1], last]);
    expect(await store.position(last)).toBe(1);
    expect(await store.activeOf("somebody")).toBe(1);
  });

  test("removes a job from everywhere, again if asked again", async () => {
    const store = stores().open();
    const [result] = await addResults(store, [Date.now()]);
    const { jobId } = (await store.create(job())).record;
    for (const id of [result!, jobId, jobId, job().jobId]) await store.remove(id);
    expect([await store.get(result!), await store.get(jobId)]).toEqual([undefined, undefined]);
    expect([await activeIds(store), await store.activeOf("somebody"), await wholeFeed(store, 9)]).toEqual([
      [],
      0,
      [],
    ]);
  });

  test("forgets what has not changed for the time of retention", async () => {
    const store = stores().open(1);
    const [result] = await addResults(store, [Date.now()]);
    const { jobId } = (await store.create(job(), "some key")).record;
    await expect
      .poll(async () => [await store.get(result!), await store.get(jobId)], { timeout: 10_000 })
      .toEqual([undefined, undefined]);
    expect([await activeIds(store), await store.activeOf("somebody"), await wholeFeed(store, 9)]).toEqual([
      [],
      0,
      [],
    ]);
    expect((await store.create(job(), "some key")).created).toBe(true);
  });

  test("keeps what changes", async () => {
    const store = stores().open(3);
    const { jobId } = (await store.create(job())).record;
    for (const begin = Date.now(); Date.now() < begin + 3_500; await sleep(100)) {
      await store.update(jobId, (record) => record);
    }
    expect(await store.get(jobId)).toBeDefined();
    expect(await activeIds(store)).toEqual([jobId]);
  });

  test("takes names that mean something to JavaScript for what they are", async () => {
    const store = stores().open();
    const options = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}}');
    const record = job({ client: "__proto__", style: "constructor", options });
    await store.create(record, "__proto__");
    await end(store, record.jobId, 7);
    const stored = await store.get(record.jobId);
    expect(JSON.stringify(stored!.options)).toBe(JSON.stringify(options));
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect((stored!.options as { polluted?: number }).polluted).toBeUndefined();
    expect(await store.activeOf("__proto__")).toBe(0);
    expect((await store.create(job({ client: "__proto__" }), "__proto__")).record.jobId).toBe(record.jobId);
  });

  test("is there again after a restart", async ({ skip }) => {
    const store = stores().open();
    if (stores().reopen === undefined) skip("nothing is kept");
    const ids = await addResults(store, [Date.now(), Date.now() + 1]);
    const record = job();
    await store.create(record, "a lasting key");
    await store.update(record.jobId, (before) => ({ ...before, queueId: "7" }));
    await store.close();
    const again = stores().reopen!();
    expect(await again.get(record.jobId)).toEqual({ ...record, queueId: "7", seq: 1 });
    expect(await activeIds(again)).toEqual([record.jobId]);
    expect(await wholeFeed(again, 1)).toEqual(ids.reverse());
    expect(await again.create(job(), "a lasting key")).toMatchObject({
      created: false,
      record: { jobId: record.jobId },
    });
  });
});
