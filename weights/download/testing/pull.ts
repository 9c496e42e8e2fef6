/**
 * A process that pulls, for tests. Its argument is JSON: `entry` and options of `pull`. SIGINT aborts, as it does for
 * the command line. Each line that it writes is a JSON array: ["progress", bytes], ["note", sentence], ["done", result]
 * or ["error", code, message].
 */
import { StylizeError } from "../../../engine/errors.ts";
import { pull } from "../pull.ts";

const say = (...line: unknown[]) => process.stdout.write(`${JSON.stringify(line)}\n`);
const { entry, ...options } = JSON.parse(process.argv[2]!);
const controller = new AbortController();
process.once("SIGINT", () => controller.abort());
try {
  const pulled = await pull(entry, {
    env: {},
    ...options,
    signal: controller.signal,
    onProgress: ({ received }) => say("progress", received),
    onNote: (sentence) => say("note", sentence),
  });
  say("done", pulled);
} catch (error) {
  say("error", error instanceof StylizeError ? error.code : "unforeseen", (error as Error).message);
}
