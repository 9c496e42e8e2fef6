import { describe, expect, it } from "vitest";
import { type ConvLayer, vgg19 } from "../engine/network/layers.ts";
import { findNamings, torchvisionIndex } from "./naming.ts";
import { preprocessingOf, preprocessings } from "./preprocessing.ts";

const second = vgg19[1];

/** A file's directory; only names and shapes matter here. */
const directory = (names: readonly string[], shape: readonly number[] = []) =>
  new Map(names.map((name) => [name, { dtype: "F32", shape, begin: 0, end: 0 }]));

describe("findNamings", () => {
  it.each([
    ["features.0.weight", "features.N", "", "features.2"],
    ["conv1_1.weight", "convB_I", "", "conv1_2"],
    ["module.features.0.weight", "features.N", "module.", "module.features.2"],
    ["state_dict.module.conv1_1.weight", "convB_I", "state_dict.module.", "state_dict.module.conv1_2"],
  ])("finds %s", (name, naming, prefix, secondLayer) => {
    const found = findNamings(directory(["other", name, "features.2.weight", "conv1_1.bias"]));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ name: naming, prefix });
    expect(found[0]!.layerName(second!)).toBe(secondLayer);
  });

  it.each(["", "net."])("finds a bare sequence behind '%s', by its first convolution", (prefix) => {
    const names = vgg19.map((layer) => `${prefix}${torchvisionIndex(layer)}.weight`);
    const [found, ...others] = findNamings(directory(names, [64, 3, 3, 3]));
    expect(others).toEqual([]);
    expect(found).toMatchObject({ name: "N", prefix });
    expect(vgg19.map((layer) => `${found!.layerName(layer)}.weight`)).toEqual(names);
    expect(findNamings(directory(names, [64, 1, 3, 3]))).toEqual([]);
    expect(findNamings(directory(names, [64, 3, 11, 11]))).toEqual([]);
  });

  it.each(["", "vgg."])("finds slices of the sequence behind '%s', however it is cut", (prefix) => {
    const cut = (layer: ConvLayer) => 1 + Math.floor(layer.index / 3);
    const names = vgg19.map((layer) => `${prefix}slice${cut(layer)}.${torchvisionIndex(layer)}.weight`);
    const [found, ...others] = findNamings(directory([...names, `${prefix}slice.1.weight`], [64, 3, 3, 3]));
    expect(others).toEqual([]);
    expect(found).toMatchObject({ name: "sliceB.N", prefix });
    expect(found!.ambiguous).toBeUndefined();
    expect(vgg19.map((layer) => `${found!.layerName(layer)}.weight`)).toEqual(names);
  });

  it("tells slices that count from 0 each", () => {
    const [found] = findNamings(directory(["slice1.0.weight", "slice2.0.weight", "slice2.3.weight"]));
    expect(found!.ambiguous).toEqual(["slice1.0", "slice2.0"]);
  });

  it("takes no name for another that ends alike", () => {
    expect(findNamings(directory(["xfeatures.0.weight", "myconv1_1.weight", "features.0.weight.x"]))).toEqual(
      [],
    );
  });

  it("finds both of two", () => {
    const found = findNamings(directory(["a.features.0.weight", "b.features.0.weight"]));
    expect(found.map(({ prefix }) => prefix)).toEqual(["a.", "b."]);
  });

  it("knows Lua Torch's sequence by its first layer", () => {
    const tensors = directory(["net.2.weight", "net.0.weight"], [3, 3, 1, 1]);
    const [found] = findNamings(tensors);
    expect(found).toMatchObject({ name: "N", prefix: "net.", input: "net.0" });
    const indices = vgg19.map((layer) => Number(found!.layerName(layer).slice("net.".length)));
    expect(indices).toEqual([2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51]);
    const other = findNamings(directory(["features.2.weight", "features.0.weight"], [64, 3, 3, 3]));
    expect(other.map(({ name }) => name)).toEqual(["features.N"]);
  });
});

describe("caffe preprocessing", () => {
  it("is blue, green, red from 0 to 255 less the means", () => {
    const { order, mean, std } = preprocessings.caffe;
    const rgb = [1, 0.5, 0.25];
    const input = order.map((channel, c) => (rgb[channel]! - mean[c]!) / std[c]!);
    const expected = [0.25 * 255 - 103.939, 0.5 * 255 - 116.779, 255 - 123.68];
    for (const [c, value] of expected.entries()) expect(input[c]).toBeCloseTo(value, 9);
  });
});

describe("preprocessingOf", () => {
  const caffe = preprocessings.caffe;

  it("finds Caffe's in a layer that computes it", () => {
    const weight = Float32Array.of(0, 0, 255, 0, 255, 0, 255, 0, 0);
    const found = preprocessingOf(weight, Float32Array.of(-103.939, -116.779, -123.68))!;
    expect(found.order).toEqual(caffe.order);
    for (const c of [0, 1, 2]) {
      expect(found.mean[c]).toBeCloseTo(caffe.mean[c]!, 6);
      expect(found.std[c]).toBeCloseTo(caffe.std[c]!, 9);
    }
  });

  it.each([
    ["mixes colours", [1, 0, 0, 0, 1, 0, 0, 0.1, 1]],
    ["uses a colour twice", [1, 0, 0, 0, 1, 0, 0, 1, 0]],
    ["lacks a colour", [1, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["turns a colour round", [1, 0, 0, 0, -1, 0, 0, 0, 1]],
  ])("finds none in a layer that %s", (_, weight) => {
    expect(preprocessingOf(Float32Array.from(weight), new Float32Array(3))).toBeUndefined();
  });
});
