/**
 * A stand-in for the worker that stands still, for screenshots: a job of 1 step fails, of one of 2 nothing is heard,
 * others are painted half.
 */
import { readFile } from "node:fs/promises";
import { exitCodes } from "../protocol/exit-codes.ts";
import { jobIdOf, keys } from "../protocol/protocol.ts";
import { parseConfig } from "../worker/config.ts";
import { openStores } from "../worker/stores.ts";

const [, , requestId, options] = process.argv.slice(2) as [string, string, string, string];
const { objects, publisher } = await openStores(parseConfig(process.env), process.env);
const publish = (news: object) => publisher.publish(JSON.stringify({ requestId, ...news }));
const { steps } = JSON.parse(options) as { readonly steps?: number };
if (steps === 1) {
  await publish({ failure: "timed-out" });
  process.exit(exitCodes["bad-input"]);
}
process.stdin.resume().once("end", () => process.exit(exitCodes.interrupted));
if (steps !== 2) {
  const previewKey = keys.preview(jobIdOf(requestId));
  await objects.put(previewKey, await readFile(process.env.TEST_PREVIEW!), { contentType: "image/jpeg" });
  await publish({
    progress: { at: Date.now(), step: 84, total: 200, etaMs: 95_000, loss: 0.42, previewKey },
  });
}
