/** Messages on one machine that no worker would publish: they are put aside, and news beside them are handled. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Accepted, keys } from "../protocol/protocol.ts";
import { FileMessageQueue } from "../stores/file-message-queue.ts";
import { MessageFiles } from "../stores/message-files.ts";
import { until } from "./testing/client.ts";
import { Follower } from "./testing/follower.ts";
import { TestMachine } from "./testing/machine.ts";
import { poison } from "./testing/poison.ts";

const machine = new TestMachine();

it("poison ends in messages/dead, good news beside it are told, and the gateway lives", async () => {
  await using gateway = await machine.start(["--workers", "3"]);
  using client = await Follower.connect(gateway.port);
  const request = (style: string) => ({ image: machine.image, style, isPrivate: false });
  const waiting: Accepted[] = [];
  for (let i = 0; i < 2; i++) waiting.push(await client.start(request("waits.jpg")));
  for (const job of waiting) await until(async () => (await client.job(job)).step === 1, "a worker's word");

  const folder = join(machine.folder, "messages");
  const files = new MessageFiles(folder); // takes what a publisher would refuse
  const unreadable = `${"1".padStart(15, "0")}-1-0-${"d".repeat(16)}`;
  await mkdir(join(files.readyFolder, unreadable));
  for (const body of poison) await files.add(body);
  const [won, lost] = waiting as [Accepted, Accepted];
  const resultKey = keys.output(false, won.jobId);
  const queue = new FileMessageQueue(folder);
  await queue.publish(JSON.stringify({ requestId: won.requestId, resultKey }));
  for (const body of poison) await files.add(body);
  await queue.publish(JSON.stringify({ requestId: lost.requestId, failure: "bad-content" }));

  expect(await client.outcome(won)).toBe("succeeded");
  expect(await client.outcome(lost)).toBe("failed");
  expect(await client.outcome(await client.start(request("works.jpg")))).toBe("succeeded");
  const dead = join(folder, "dead");
  const all = 2 * poison.length + 1;
  await until(async () => (await readdir(dead)).length >= all, "the dead letters");
  const names = (await readdir(dead)).filter((name) => !name.endsWith(unreadable.slice(-16)));
  const bodies = await Promise.all(names.map((name) => readFile(join(dead, name), "utf8")));
  expect(bodies.sort()).toEqual([...poison, ...poison].sort());
  for (const place of ["new", "ready", "claimed"]) expect(await readdir(join(folder, place))).toEqual([]);

  expect(await client.outcome(await client.start(request("works.jpg")))).toBe("succeeded");
  for (const job of waiting) expect(client.timesTold(job)).toBe(1);
  expect(await gateway.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});
