import { describe, expect, it } from "vitest";
import { type ConvLayer, type ConvName, type ReluName, reluName, vggLayers } from "./layers.ts";
import { checkNetwork, layersFor } from "./layers-for.ts";
import { type ConvWeights, type Network, torchvisionPreprocessing } from "./types.ts";

const layers = vggLayers([[2, 3], [5], [7, 4]]);

function networkOf(table: readonly ConvLayer[], change: Partial<Network> = {}): Network {
  const weights = new Map<ConvName, ConvWeights>();
  for (const { name, inChannels, outChannels } of table)
    weights.set(name, {
      weight: new Float32Array(9 * inChannels * Math.min(outChannels, 2000) || 0),
      bias: new Float32Array(Math.min(outChannels, 2000) || 0),
    });
  return {
    name: "a network",
    preprocessing: torchvisionPreprocessing,
    layers: table,
    weights,
    defaults: {
      contentLayers: {},
      styleLayers: {},
      contentWeight: 1,
      styleWeight: 1,
      tvWeight: 1,
      pooling: "avg",
    },
    ...change,
  };
}

const relus = (...names: ReluName[]): ReadonlySet<ReluName> => new Set(names);

/** The table with another layer in place of the i-th. */
const changed = (i: number, change: Partial<ConvLayer>) =>
  layers.map((layer, j) => (j === i ? { ...layer, ...change } : layer));

describe("layersFor", () => {
  it("gives the layers up to the last with a loss", () => {
    expect(layersFor(networkOf(layers), relus("relu2_1", "relu1_2"))).toEqual(layers.slice(0, 3));
    expect(layersFor(networkOf(layers), relus("relu3_2"))).toEqual(layers);
    expect(layersFor(networkOf(layers), relus())).toEqual([]);
  });

  it("looks at none behind that", () => {
    expect(layersFor(networkOf(changed(3, { inChannels: 99 })), relus("relu2_1"))).toHaveLength(3);
  });

  it.each<[string, Network, string]>([
    [
      "a layer is missing",
      networkOf(layers.slice(0, 4)),
      "to have relu3_2, where a loss is, but it ends at conv3_1.",
    ],
    ["all are", networkOf([]), "to have relu3_2, where a loss is, but it ends at the picture."],
  ])("refuses a network of which %s", (_, network, sentence) => {
    expect(() => layersFor(network, relus("relu3_2"))).toThrow(`Expected a network ${sentence}`);
  });

  it.each<[number, Partial<ConvLayer>, string]>([
    [
      2,
      { inChannels: 4 },
      "conv2_1 of a network to have inChannels 3, behind the layers before it, but it has 4.",
    ],
    [
      0,
      { inChannels: 1 },
      "conv1_1 of a network to have inChannels 3, behind the layers before it, but it has 1.",
    ],
    [
      2,
      { pooled: false },
      "conv2_1 of a network to have name conv1_3, behind the layers before it, but it has conv2_1.",
    ],
    [
      0,
      { pooled: true },
      "conv1_1 of a network to have pooled false, behind the layers before it, but it has true.",
    ],
    [3, { block: 1 }, "conv3_1 of a network to have block 2, behind the layers before it, but it has 1."],
    [1, { index: 2 }, "conv1_2 of a network to have index 1, behind the layers before it, but it has 2."],
    [
      1,
      { name: "conv1_1" },
      "conv1_1 of a network to have name conv1_2, behind the layers before it, but it has conv1_1.",
    ],
    [3, { outChannels: 1025 }, "1 to 1024 channels in conv3_1 of a network but it has 1025."],
    [3, { outChannels: 0 }, "1 to 1024 channels in conv3_1 of a network but it has 0."],
    [3, { outChannels: 2.5 }, "1 to 1024 channels in conv3_1 of a network but it has 2.5."],
    [3, { outChannels: Number.NaN }, "1 to 1024 channels in conv3_1 of a network but it has NaN."],
  ])("refuses a table at odds with itself: layer %i with %o", (i, change, sentence) => {
    const network = networkOf(changed(i, change));
    expect(() => layersFor(network, relus("relu3_2"))).toThrow(`Expected ${sentence}`);
  });

  it("takes as many channels as there may be", () => {
    const wide = vggLayers([[1024, 1]]);
    expect(layersFor(networkOf(wide), relus("relu1_2"))).toEqual(wide);
  });

  it.each<[string, ConvWeights | undefined, string]>([
    ["of another count", { weight: new Float32Array(134), bias: new Float32Array(5) }, "134 and 5"],
    ["without its biases", { weight: new Float32Array(135), bias: new Float32Array() }, "135 and 0"],
    ["that are missing", undefined, "none and none"],
  ])("refuses weights %s", (_, weights, received) => {
    const all = new Map(networkOf(layers).weights);
    if (weights) all.set("conv2_1", weights);
    else all.delete("conv2_1");
    const error = expect.objectContaining({
      code: "bad-weights",
      message: `Expected 135 weights and 5 biases of conv2_1 of a network but it has ${received}.`,
    });
    expect(() => layersFor(networkOf(layers, { weights: all }), relus("relu3_2"))).toThrow(error);
  });
});

describe("a network made by hand", () => {
  const good = networkOf(layers);
  const { preprocessing, defaults } = good;
  const weightsOf = (weight: unknown, bias: unknown = new Float32Array(2)) =>
    new Map([...good.weights, ["conv1_1", { weight, bias }]]) as unknown as Network["weights"];

  it("is taken where it is whole", () => {
    expect(() => checkNetwork(good)).not.toThrow();
  });

  it.each<[unknown, string]>([
    [undefined, "a network but received undefined"],
    [null, "a network but received null"],
    [{}, "a network to have a name but it has undefined"],
    [{ ...good, layers: undefined }, "a network to have an array of layers"],
    [{ ...good, weights: {} }, "a network to have a Map of weights"],
    [
      { ...good, preprocessing: undefined },
      "preprocessing.order of a network to have 0, 1 and 2 but it is undefined",
    ],
    [{ ...good, preprocessing: { ...preprocessing, order: [0, 5, 9] } }, "but it is [0, 5, 9]"],
    [{ ...good, preprocessing: { ...preprocessing, order: [0, 1] } }, "but it is [0, 1]"],
    [
      { ...good, preprocessing: { ...preprocessing, mean: [0, Number.NaN, 0] } },
      "preprocessing.mean of a network",
    ],
    [{ ...good, preprocessing: { ...preprocessing, std: [1, 0, 1] } }, "preprocessing.std of a network"],
    [{ ...good, preprocessing: { ...preprocessing, std: [1, 1e-45, 1] } }, "preprocessing.std of a network"],
    [{ ...good, defaults: undefined }, "defaults.contentWeight of a network to be a number from 0 on"],
    [{ ...good, defaults: { ...defaults, styleWeight: -1 } }, "defaults.styleWeight of a network"],
    [{ ...good, defaults: { ...defaults, tvWeight: Number.NaN } }, "but it is NaN"],
    [{ ...good, defaults: { ...defaults, styleLayers: { relu1_1: -1 } } }, "defaults.styleLayers.relu1_1"],
    [{ ...good, defaults: { ...defaults, contentLayers: undefined } }, "defaults.contentLayers of a network"],
    [{ ...good, defaults: { ...defaults, pooling: "median" } }, "to be avg or max but it is median"],
  ])("is refused otherwise: %#", (network, sentence) => {
    expect(() => checkNetwork(network as Network)).toThrow(sentence);
  });

  it.each<[string, Network["weights"], string]>([
    [
      "a plain array",
      weightsOf(Array(54).fill(0)),
      "the weight of conv1_1 of a network to be a Float32Array",
    ],
    ["bytes", weightsOf(new Uint8Array(54)), "the weight of conv1_1 of a network to be a Float32Array"],
    ["NaN", weightsOf(new Float32Array(54).fill(Number.NaN)), "finite numbers in the weight of conv1_1"],
    [
      "infinity",
      weightsOf(new Float32Array(54), new Float32Array(2).fill(Number.POSITIVE_INFINITY)),
      "finite numbers in the bias of conv1_1",
    ],
  ])("is refused with %s for weights", (_, weights, sentence) => {
    expect(() => layersFor({ ...good, weights }, relus("relu1_1"))).toThrow(sentence);
  });

  it("is refused with more blocks than the least picture has pixels for", () => {
    const deep = vggLayers([[1], [1], [1], [1], [1], [1]]);
    const last = reluName(deep[5]!.name);
    expect(() => layersFor(networkOf(deep), relus(last))).toThrow("at most 5 blocks");
  });
});
