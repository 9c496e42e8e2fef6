import { expect, it } from "vitest";
import { Disposal, opened, settled } from "./disposal.ts";

it("disposes of the last first, of all whatever fails, and once", async () => {
  const told: unknown[] = [];
  const disposal = new Disposal((error) => told.push(error));
  disposal.defer(() => told.push("first"));
  const second = { [Symbol.asyncDispose]: async () => void told.push("second") };
  expect(disposal.use(second)).toBe(second);
  disposal.defer(() => Promise.reject("third"));
  await disposal[Symbol.asyncDispose]();
  await disposal[Symbol.asyncDispose]();
  expect(told).toEqual(["third", "second", "first"]);
});

it("disposes of what was opened before something failed, and leaves it open otherwise", async () => {
  const told: string[] = [];
  const open = (fails: boolean) =>
    opened(
      () => {},
      async (disposal) => {
        disposal.defer(() => told.push("closed"));
        if (fails) throw new Error("no more");
        return disposal;
      },
    );
  await expect(open(true)).rejects.toThrow("no more");
  expect(told).toEqual(["closed"]);
  const disposal = await open(false);
  expect(told).toEqual(["closed"]);
  await disposal[Symbol.asyncDispose]();
  expect(told).toEqual(["closed", "closed"]);
});

it("waits for all that ends at once, and tells of each failure", async () => {
  const told: unknown[] = [];
  await settled([Promise.reject(1), Promise.resolve(2), Promise.reject(3)], (error) => told.push(error));
  expect(told).toEqual([1, 3]);
});
