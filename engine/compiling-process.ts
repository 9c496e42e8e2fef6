/** The program that compiles kernels for compilers.ts, one at a time, until its parent lets go of it. */
import { runOnce } from "./compile-ahead.ts";
import type { CompilerAnswer, CompilerOptions } from "./compilers.ts";
import { StylizeError } from "./errors.ts";
import type { KernelText } from "./gpu/kernel.ts";
import { openContext } from "./node.ts";

/** Mesa writes what it compiled behind the kernel's run, on a thread of the lowest priority, in milliseconds. */
const WRITING_MS = 2000;

const [options = "{}"] = process.argv.slice(2);
const context = await openContext({ ...(JSON.parse(options) as CompilerOptions), giveWay: true });

process.on("message", async (kernel: KernelText) => {
  try {
    await runOnce(context, kernel);
    answer({});
  } catch (error) {
    const code = error instanceof StylizeError ? error.code : undefined;
    answer({ error: { code, message: error instanceof Error ? error.message : String(error) } });
  }
});
process.once("disconnect", () => setTimeout(() => process.exit(), WRITING_MS));
if (!process.connected) process.exit();
answer({});

function answer(text: CompilerAnswer): void {
  if (process.connected) process.send!(text, () => {});
}
