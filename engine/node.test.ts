import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { expect, it } from "vitest";
import { openContext } from "./node.ts";

/** Of the threads of this process, by their ids. */
function priorities(): Map<string, number> {
  const priority = (thread: string) => {
    const afterName = readFileSync(`/proc/self/task/${thread}/stat`, "utf8").replace(/^.*\) /s, "");
    return Number(afterName.split(" ")[16]);
  };
  return new Map(readdirSync("/proc/self/task").map((thread) => [thread, priority(thread)]));
}

it.skipIf(process.platform !== "linux" || getPriority() >= 10)(
  "gives way to a software adapter, whose threads keep their priority, and only when asked to",
  async () => {
    const before = getPriority();
    using first = await openContext();
    expect(getPriority()).toBe(before);
    const threads = new Set(priorities().keys());
    using second = await openContext({ giveWay: true });
    if (!first.isSoftware) return expect(getPriority()).toBe(before);
    await expect.poll(getPriority, { timeout: 60_000 }).toBe(10); // once what compiles ahead would have started
    const started = [...priorities()].filter(([thread]) => !threads.has(thread)).map(([, each]) => each);
    expect(started).toContain(before);
    expect(started).not.toContain(10);
    expect(second.isSoftware).toBe(true);
  },
);
