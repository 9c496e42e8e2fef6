/** The network that a command's options choose. */
import { StylizeError } from "../engine/errors.ts";
import type { Network } from "../engine/network/types.ts";
import { loadNetwork, type PreprocessingName } from "../weights/index.ts";
import type { Io } from "./io.ts";

export interface NetworkArguments {
  /** A name or a file; the default network when not given. */
  readonly weights: string | undefined;
  readonly preprocessing: PreprocessingName | undefined;
  readonly cache: string | undefined;
}

/** The network that was asked for, before an adapter is opened. Throws StylizeError as `loadNetwork` does. */
export async function readNamed(
  { weights, cache, preprocessing }: NetworkArguments,
  env: Io["env"],
): Promise<Network | undefined> {
  if (weights !== undefined) return loadNetwork(weights, { cache, preprocessing, env });
  if (preprocessing !== undefined)
    throw new StylizeError("bad-option", "Expected --weights with --preprocessing, but received none.");
  return undefined;
}
