/** The adapter that a worker computes on. */
import { StylizeError } from "../engine/errors.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { openContext } from "../engine/node.ts";

/**
 * `debug` takes what only who looks for a fault wants to know.
 *
 * Throws StylizeError `no-adapter` where there is none, or none but software where a GPU is required.
 */
export async function openGpu(requireGpu: boolean, debug: (sentence: string) => void): Promise<GpuContext> {
  const context = await openContext({ giveWay: true, debug });
  if (!requireGpu || !context.isSoftware) return context;
  const { adapterName } = context;
  context[Symbol.dispose]();
  throw new StylizeError(
    "no-adapter",
    `Expected a GPU but found '${adapterName}'; STYLIZE_REQUIRE_GPU=false takes software adapters.`,
  );
}
