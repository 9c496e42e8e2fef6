import { expect, test } from "vitest";
import { fewAtATime } from "./few-at-a-time.ts";

test("no more than so many run at once, all run in order, and failures let the next one in", async () => {
  const ask = fewAtATime(2);
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  const work = async (index: number) => {
    begun.push(index);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    if (index === 1) throw new Error("no");
  };
  const all = await Promise.allSettled([0, 1, 2, 3, 4].map((index) => ask(() => work(index))));
  expect(most).toBe(2);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(all.map(({ status }) => status).filter((status) => status === "rejected")).toHaveLength(1);
});
