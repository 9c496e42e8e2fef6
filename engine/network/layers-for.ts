/** The layers of a network that losses need, checked: users of the library may have made the table by hand. */
import { StylizeError } from "../errors.ts";
import { type ConvLayer, MAX_CHANNELS, type ReluName, reluName, truncated, vggLayers } from "./layers.ts";
import type { Network } from "./types.ts";

const bad = (message: string) => new StylizeError("bad-weights", message);

/** Up to the last of `relus`. Throws `bad-weights` where the network lacks one, or is at odds with its own numbers. */
export function layersFor(network: Network, relus: ReadonlySet<ReluName>): readonly ConvLayer[] {
  const { name, layers } = network;
  for (const relu of relus) {
    if (layers.some((layer) => reluName(layer.name) === relu)) continue;
    const end = layers.at(-1)?.name ?? "the picture";
    throw bad(`Expected ${name} to have ${relu}, where a loss is, but it ends at ${end}.`);
  }
  const needed = truncated(layers, relus);
  checkTable(name, needed);
  for (const layer of needed) checkWeights(network, layer);
  return needed;
}

/** A layer's name, index, block and inputs must follow from the layers before it. */
function checkTable(network: string, layers: readonly ConvLayer[]): void {
  const blocks: number[][] = [];
  for (const { name, outChannels, pooled } of layers) {
    if (!Number.isInteger(outChannels) || outChannels < 1 || outChannels > MAX_CHANNELS)
      throw bad(`Expected 1 to ${MAX_CHANNELS} channels in ${name} of ${network} but it has ${outChannels}.`);
    if (pooled || blocks.length === 0) blocks.push([]);
    blocks.at(-1)!.push(outChannels);
  }
  for (const [i, expected] of vggLayers(blocks).entries()) {
    const received = layers[i]!;
    for (const key of ["name", "index", "block", "inChannels", "pooled"] as const) {
      if (received[key] !== expected[key])
        throw bad(
          `Expected ${received.name} of ${network} to have ${key} ${expected[key]}, behind the layers before it, ` +
            `but it has ${received[key]}.`,
        );
    }
  }
}

function checkWeights({ name: network, weights }: Network, layer: ConvLayer): void {
  const { name, inChannels, outChannels } = layer;
  const { weight, bias } = weights.get(name) ?? {};
  const count = 9 * inChannels * outChannels;
  if (weight?.length === count && bias?.length === outChannels) return;
  throw bad(
    `Expected ${count} weights and ${outChannels} biases of ${name} of ${network} ` +
      `but it has ${weight?.length ?? "none"} and ${bias?.length ?? "none"}.`,
  );
}
