/** The layers of a network that losses need, checked: users of the library may have made the table by hand. */
import { StylizeError } from "../errors.ts";
import { areFinite } from "./finite.ts";
import { type ConvLayer, MAX_CHANNELS, type ReluName, reluName, truncated, vggLayers } from "./layers.ts";
import type { ConvWeights, Network, NetworkDefaults, Preprocessing } from "./types.ts";

/** Four poolings leave one pixel of the least picture, 16 by 16. */
const MAX_BLOCKS = 5;

const bad = (message: string) => new StylizeError("bad-weights", message);

/**
 * Checks what compilers can't, or weren't there to: the whole network but for its layers, which `layersFor` checks.
 * Throws `bad-weights`.
 */
export function checkNetwork(network: Network): void {
  const given: unknown = network;
  if (typeof given !== "object" || given === null) throw bad(`Expected a network but received ${given}.`);
  const { name, preprocessing, layers, weights, defaults } = network;
  if (typeof name !== "string") throw bad(`Expected a network to have a name but it has ${name}.`);
  if (!Array.isArray(layers)) throw bad(`Expected ${name} to have an array of layers but it has ${layers}.`);
  if (!(weights instanceof Map))
    throw bad(`Expected ${name} to have a Map of weights but it has ${weights}.`);
  checkPreprocessing(name, preprocessing);
  checkDefaults(name, defaults);
}

function checkPreprocessing(network: string, { order, mean, std }: Partial<Preprocessing> = {}): void {
  if ([...(order ?? [])].sort().join() !== "0,1,2")
    throw bad(`Expected preprocessing.order of ${network} to have 0, 1 and 2 but it is ${shown(order)}.`);
  for (const [key, values] of Object.entries({ mean, std }))
    if (values?.length !== 3 || !values.every((value) => Number.isFinite(Math.fround(value))))
      throw bad(
        `Expected preprocessing.${key} of ${network} to be three numbers but it is ${shown(values)}.`,
      );
  if (!std!.every((value) => Number.isFinite(Math.fround(1 / value))))
    throw bad(`Expected preprocessing.std of ${network} to be three numbers but 0 but it is ${shown(std)}.`);
}

function checkDefaults(network: string, defaults: Partial<NetworkDefaults> = {}): void {
  const { contentLayers, styleLayers, contentWeight, styleWeight, tvWeight, pooling } = defaults;
  const check = (key: string, value: unknown) => {
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return;
    throw bad(`Expected defaults.${key} of ${network} to be a number from 0 on but it is ${shown(value)}.`);
  };
  for (const [key, value] of Object.entries({ contentWeight, styleWeight, tvWeight })) check(key, value);
  for (const [key, weights] of Object.entries({ contentLayers, styleLayers })) {
    if (typeof weights !== "object" || weights === null)
      throw bad(
        `Expected defaults.${key} of ${network} to have weights by layer but it is ${shown(weights)}.`,
      );
    for (const [relu, weight] of Object.entries(weights)) check(`${key}.${relu}`, weight);
  }
  if (pooling !== "avg" && pooling !== "max")
    throw bad(`Expected defaults.pooling of ${network} to be avg or max but it is ${shown(pooling)}.`);
}

/** NaN, which JSON has not, as itself. */
const shown = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.join(", ")}]`
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

/** @internal Weights whose reader has seen that all are finite: runs don't look through them again. */
export const knownFinite = new WeakSet<ConvWeights>();

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
  if (blocks.length > MAX_BLOCKS)
    throw bad(`Expected at most ${MAX_BLOCKS} blocks of layers in ${network} but it has ${blocks.length}.`);
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
  const given = weights.get(name);
  const { weight, bias } = given ?? {};
  const count = 9 * inChannels * outChannels;
  if (weight?.length === count && bias?.length === outChannels) {
    for (const [key, values] of Object.entries({ weight, bias })) {
      if (!(values instanceof Float32Array))
        throw bad(
          `Expected the ${key} of ${name} of ${network} to be a Float32Array but it is another array.`,
        );
      if (!knownFinite.has(given!) && !areFinite(values))
        throw bad(
          `Expected finite numbers in the ${key} of ${name} of ${network} but it holds NaN or infinity.`,
        );
    }
    return;
  }
  throw bad(
    `Expected ${count} weights and ${outChannels} biases of ${name} of ${network} ` +
      `but it has ${weight?.length ?? "none"} and ${bias?.length ?? "none"}.`,
  );
}
