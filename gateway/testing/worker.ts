/**
 * A stand-in for the worker, for tests of what is around it: the same arguments, environment, objects and messages, but
 * the result is the content as it came. What it does otherwise is chosen by the style's name.
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { exitCodes } from "../../protocol/exit-codes.ts";
import { jobIdOf, keys } from "../../protocol/protocol.ts";
import { parseConfig } from "../../worker/config.ts";
import { openStores } from "../../worker/stores.ts";

const [contentKey, style, requestId] = process.argv.slice(2) as [string, string, string];
const { objects, publisher } = await openStores(parseConfig(process.env), process.env);
const publish = (news: object) => publisher.publish(JSON.stringify({ requestId, ...news }));
const jobId = jobIdOf(requestId);
const resultKey = keys.output(contentKey.startsWith("private/"), jobId);
/** Long enough for a test to get in between. */
const pause = async () => void (style === "slow.jpg" && (await sleep(Math.random() * 400)));

if (style === "fails.jpg") {
  await publish({ failure: "bad-style" });
  process.exit(exitCodes["bad-input"]);
}
if (style === "crashes.jpg") process.exit(exitCodes.failed);
const picture = sharp((await objects.get(contentKey))!.body);
await objects.put(keys.preview(jobId), await picture.clone().resize(64).jpeg().toBuffer(), {
  contentType: "image/jpeg",
});
const progress = { at: Date.now(), step: 1, total: 2, etaMs: 100, loss: 1, previewKey: keys.preview(jobId) };
await pause();
await publish({ progress });
process.stdin.resume().once("end", () => process.exit(exitCodes.interrupted)); // the gateway that started it is gone
if (style === "waits.jpg") await new Promise(() => {}); // until it is stopped
if (style === "gated.jpg") while (!existsSync(process.env.TEST_GATE!)) await sleep(20);
await pause();
await objects.put(
  keys.thumbnail(contentKey.startsWith("private/"), jobId),
  await picture.clone().resize(480, 480, { fit: "inside", withoutEnlargement: true }).jpeg().toBuffer(),
  { contentType: "image/jpeg" },
);
await objects.put(resultKey, await picture.png().toBuffer(), { contentType: "image/png", ifAbsent: true });
if (style === "silent.jpg") process.exit(exitCodes.done);
await pause();
await publish({ resultKey });
await pause();
if (style === "repeats.jpg") for (let i = 0; i < 5; i++) await publish({ resultKey });
process.exit(exitCodes.done);
