import { beforeEach, describe, expect, it } from "vitest";
import { Occasional } from "./occasional.ts";

let now = 0;
let errors: unknown[];
const options = { everyMs: 100, clock: () => now, onError: (error: unknown) => void errors.push(error) };
const nothing = async () => {};

beforeEach(() => {
  now = 1000;
  errors = [];
});

describe("an occasional task", () => {
  it("is due at once, then after its interval", async () => {
    const task = new Occasional(options);
    expect(task.isDue).toBe(true);
    task.start(nothing);
    await task.settled(1000);
    now += 99;
    expect(task.isDue).toBe(false);
    now += 1;
    expect(task.isDue).toBe(true);
  });

  it("waits for its first turn where it is to", () => {
    const task = new Occasional({ ...options, waitsFirst: true });
    expect(task.isDue).toBe(false);
    now += 100;
    expect(task.isDue).toBe(true);
  });

  it("is never due while one is under way, whose end need not be waited for", async () => {
    const task = new Occasional(options);
    let end = () => {};
    task.start(() => new Promise((resolve) => (end = resolve)));
    now += 1000;
    await task.settled(1);
    expect(task.isDue).toBe(false);
    end();
    await task.settled(1000);
    expect(task.isDue).toBe(true);
  });

  it("comes less often where its preparation takes long", async () => {
    const task = new Occasional(options);
    const since = now;
    now += 50;
    task.start(nothing, since);
    await task.settled(1000);
    now = since + 499;
    expect(task.isDue).toBe(false);
    now = since + 500;
    expect(task.isDue).toBe(true);
  });

  it("may fail, which is told and no more", async () => {
    const task = new Occasional(options);
    const error = new Error("no");
    task.start(() => Promise.reject(error));
    await task.settled(1000);
    expect(errors).toEqual([error]);
    now += 100;
    expect(task.isDue).toBe(true);
  });
});
