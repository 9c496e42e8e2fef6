/** The network that a command's options choose. */
import type { Network } from "../engine/network/types.ts";
import { loadDefaultNetwork, loadNetwork } from "../weights/index.ts";
import type { StylizeArguments } from "./arguments.ts";
import { missing } from "./flags.ts";
import type { Io } from "./io.ts";

/**
 * Loads the network that was asked for, before an adapter is opened; where none was, the best there is for the adapter.
 * Throws StylizeError as `loadNetwork` does.
 */
export async function chooseNetwork(
  { weights, cache, preprocessing }: Pick<StylizeArguments, "weights" | "cache" | "preprocessing">,
  env: Io["env"],
): Promise<(adapter: { readonly isSoftware: boolean }) => Promise<Network>> {
  if (weights === undefined) {
    if (preprocessing !== undefined) throw missing("--weights with --preprocessing");
    return ({ isSoftware }) => loadDefaultNetwork({ cache, env, isSoftware });
  }
  const named = await loadNetwork(weights, { cache, preprocessing, env });
  return async () => named;
}
