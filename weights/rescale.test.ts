import { beforeAll, describe, expect, it } from "vitest";
import { type ConvName, vgg19 } from "../engine/network/layers.ts";
import type { ConvWeights } from "../engine/network/types.ts";
import type { Picture } from "../engine/picture.ts";
import { activate, averagePool, convolve, type Padded, preprocess } from "./forward.ts";
import { preprocessings } from "./preprocessing.ts";
import { rescaled } from "./rescale.ts";

const { caffe } = preprocessings;
const layers = vgg19.slice(0, 6); // conv1_1 to conv3_2: enough to overflow, quick to compute

/** Uniform deviates between -1 and 1 from a linear congruence. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

/** He's deviation would keep activations as they are; this makes them four times larger a layer. */
function growing(): Map<ConvName, ConvWeights> {
  const next = random(1);
  return new Map(
    layers.map(({ name, inChannels, outChannels }) => {
      const bound = 4 * Math.sqrt(6 / (9 * inChannels));
      const weight = Float32Array.from({ length: outChannels * inChannels * 9 }, () => bound * next());
      return [name, { weight, bias: Float32Array.from({ length: outChannels }, () => 50 * next()) }];
    }),
  );
}

function noise(seed: number, size: number): Picture {
  const next = random(seed);
  const data = Float32Array.from({ length: 3 * size * size }, () => (next() + 1) / 2);
  return { width: size, height: size, data };
}

/** Nearest binary16: 11 bits of significance, beyond 65504 infinity. Fine here: nothing is subnormal. */
function half(values: Float32Array): Float32Array {
  return values.map((value) => {
    if (value === 0) return 0;
    const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
    const rounded = Math.round(value / unit) * unit;
    return Math.abs(rounded) > 65504 ? Math.sign(rounded) * Number.POSITIVE_INFINITY : rounded;
  });
}

/** The maps behind each ReLU; `round` is what storage does to every number. */
function forward(
  network: ReadonlyMap<ConvName, ConvWeights>,
  picture: Picture,
  round: (values: Float32Array) => Float32Array = (values) => values,
): Padded[] {
  const maps: Padded[] = [];
  let map = preprocess(picture, caffe);
  for (const { name, pooled } of layers) {
    const { weight, bias } = network.get(name)!;
    const response = convolve(pooled ? averagePool(map) : map, round(weight));
    const output = activate(response, new Float32Array(bias.length).fill(1), round(bias));
    map = { ...output, data: round(output.data) };
    maps.push(map);
  }
  return maps;
}

/** F F^T / |F F^T|, [channels][channels]: what style is measured by, free of scale as our losses are. */
function gram({ channels, data }: Padded): number[] {
  const plane = data.length / channels;
  const row = (c: number) => data.subarray(c * plane, (c + 1) * plane);
  const values: number[] = [];
  for (let a = 0; a < channels; a++) {
    for (let b = 0; b < channels; b++) values.push(row(a).reduce((sum, v, i) => sum + v * row(b)[i]!, 0));
  }
  const norm = Math.hypot(...values);
  return values.map((value) => value / norm);
}

const rootMeanSquare = ({ channels, height, width, data }: Padded) =>
  Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / (channels * height * width));

describe("rescaled", () => {
  let network: Map<ConvName, ConvWeights>;
  let scaled: Map<ConvName, ConvWeights>;
  beforeAll(() => {
    network = growing();
    scaled = rescaled(layers, network, caffe, "file");
  });
  const pictures = [noise(2, 24), noise(3, 24)] as const;

  it("makes activations about 1 that were huge", () => {
    const before = forward(network, pictures[0]).map(rootMeanSquare);
    expect(before.at(-1)).toBeGreaterThan(65504);
    for (const value of forward(scaled, pictures[0]).map(rootMeanSquare)) {
      expect(value).toBeGreaterThan(1 / 4);
      expect(value).toBeLessThan(4);
    }
  });

  it("changes every map by a power of two and nothing else", () => {
    const [before, after] = [forward(network, pictures[0]), forward(scaled, pictures[0])];
    for (const [i, { data }] of before.entries()) {
      const at = data.findIndex((value) => value > 0);
      const factor = after[i]!.data[at]! / data[at]!;
      expect(Number.isInteger(Math.log2(factor))).toBe(true);
      expect(after[i]!.data).toEqual(data.map((value) => factor * value));
    }
  });

  it("keeps half precision from overflowing, and Gram matrices as they are", () => {
    const unscaled = forward(network, pictures[1], half).at(-1)!;
    expect(unscaled.data.some((value) => !Number.isFinite(value))).toBe(true);
    const exact = forward(network, pictures[1]);
    for (const [i, map] of forward(scaled, pictures[1], half).entries()) {
      const expected = gram(exact[i]!);
      const difference = Math.hypot(...gram(map).map((value, k) => value - expected[k]!));
      expect(difference).toBeLessThan(2e-3);
    }
  });

  it("leaves a layer alone that gives nothing", () => {
    const dead = new Map(network);
    const { weight, bias } = network.get("conv1_2")!;
    dead.set("conv1_2", { weight: weight.map(() => 0), bias: bias.map(() => -1) });
    const result = rescaled(layers, dead, caffe, "file");
    expect(result.get("conv1_2")!.weight.every((value) => value === 0)).toBe(true);
    for (const { weight, bias } of result.values())
      expect([...weight.subarray(0, 9), ...bias].every(Number.isFinite)).toBe(true);
  });

  it.each([
    ["large", 1e38, 1],
    ["small", 1e-44, 0],
  ])("refuses weights that are too %s", (_, value, offset) => {
    const extreme = new Map(network);
    for (const [name, { weight, bias }] of network)
      extreme.set(name, { weight: weight.map(() => value), bias: bias.map(() => offset) });
    expect(() => rescaled(layers, extreme, caffe, "file")).toThrow(
      /^Expected weights in 'file' whose activations single precision can hold but those of conv\d_\d exceed it\.$/,
    );
  });

  it("does not touch what it was given", () => {
    const fresh = growing();
    for (const [name, { weight, bias }] of network) {
      expect(weight.every((value, i) => value === fresh.get(name)!.weight[i])).toBe(true);
      expect(bias).toEqual(fresh.get(name)!.bias);
    }
  });
});
