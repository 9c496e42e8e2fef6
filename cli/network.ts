/** The network that a command's options choose. */
import type { Network } from "../engine/network/types.ts";
import { loadDefaultNetwork, loadNetwork, type PreprocessingName } from "../weights/index.ts";
import { missing } from "./flags.ts";
import type { Io } from "./io.ts";

export interface NetworkArguments {
  /** A name or a file; the default network when not given. */
  readonly weights: string | undefined;
  readonly preprocessing: PreprocessingName | undefined;
  readonly cache: string | undefined;
}

/** The network for an adapter. */
export type NetworkFor = (adapter: { readonly isSoftware: boolean }) => Promise<Network>;

/**
 * Loads the network that was asked for, before an adapter is opened; where none was, the best there is for the adapter.
 * Throws StylizeError as `loadNetwork` does.
 */
export async function chooseNetwork(
  { weights, cache, preprocessing }: NetworkArguments,
  env: Io["env"],
): Promise<NetworkFor> {
  if (weights === undefined) {
    if (preprocessing !== undefined) throw missing("--weights with --preprocessing");
    return ({ isSoftware }) => loadDefaultNetwork({ cache, env, isSoftware });
  }
  const named = await loadNetwork(weights, { cache, preprocessing, env });
  return async () => named;
}
