/** What a file's directory tells of its network, and what is said of one that is none of ours. No values are read. */
import { describe, expect, it } from "vitest";
import { type ConvLayer, vgg19, vggLayers } from "../engine/network/layers.ts";
import type { TensorFile } from "./formats/tensor-file.ts";
import { firstNames, torchvisionIndex } from "./naming.ts";
import { findNetwork, neededOf, widthsOf } from "./network-file.ts";
import { features, uneven } from "./testing/tensors.ts";

type Shapes = Record<string, readonly number[]>;

function fileOf(shapes: Shapes): TensorFile {
  const tensors = new Map(
    Object.entries(shapes).map(([name, shape]) => [name, { dtype: "F32", shape, begin: 0, end: 0 }]),
  );
  const unread = () => expect.fail("values were read");
  return {
    path: "F",
    size: 0,
    format: "safetensors",
    metadata: {},
    tensors,
    read: unread,
    [Symbol.asyncDispose]: unread,
  };
}

function shapesOf(nameOf: (layer: ConvLayer) => string, layers: readonly ConvLayer[]): Shapes {
  return Object.fromEntries(
    layers.flatMap((layer) => {
      const { inChannels, outChannels } = layer;
      const name = nameOf(layer);
      return [
        [`${name}.weight`, [outChannels, inChannels, 3, 3]],
        [`${name}.bias`, [outChannels]],
      ];
    }),
  );
}

function refusal(shapes: Shapes): string {
  try {
    const file = fileOf(shapes);
    neededOf(file, findNetwork(file));
  } catch (error) {
    expect(error).toMatchObject({ name: "StylizeError", code: "bad-weights" });
    return (error as Error).message;
  }
  return expect.fail("it was taken");
}

/** Of VGG's paper, columns A, B, D and E. */
const columns = {
  VGG11: [1, 1, 2, 2, 2],
  VGG13: [2, 2, 2, 2, 2],
  VGG16: [2, 2, 3, 3, 3],
  VGG19: [2, 2, 4, 4, 4],
} as const;

const relative = (column: keyof typeof columns, width = 1) =>
  vggLayers(columns[column].map((count, block) => Array(count).fill(width * 2 ** block)));

/** Convolution, norm, ReLU, and the pools: torchvision's `vgg19_bn`. */
function withNorms(layers: readonly ConvLayer[], prefix: string): Shapes {
  return Object.fromEntries(
    layers.flatMap(({ index, block, inChannels, outChannels }) => [
      [`${prefix}${3 * index + block}.weight`, [outChannels, inChannels, 3, 3]],
      [`${prefix}${3 * index + block}.bias`, [outChannels]],
      [`${prefix}${3 * index + block + 1}.weight`, [outChannels]],
      [`${prefix}${3 * index + block + 1}.running_mean`, [outChannels]],
    ]),
  );
}

const namings: readonly (readonly [string, (layer: ConvLayer) => string])[] = [
  ["torchvision's names", features],
  ["bare numbers", (layer) => `${torchvisionIndex(layer)}`],
  ["slices", (layer) => `net.slice${layer.block + 1}.${torchvisionIndex(layer)}`],
  ["the papers' names", ({ name }) => name],
];

describe.each(namings)("by %s", (_, nameOf) => {
  it.each(["VGG11", "VGG13", "VGG16"] as const)("%s is called so", (name) => {
    for (const width of [1, 64])
      expect(refusal(shapesOf(nameOf, relative(name, width)))).toBe(
        `Expected VGG19 in 'F' but it is ${name}.`,
      );
  });

  it("a network of VGG19's shape is as wide as its tensors", () => {
    for (const layers of [uneven, relative("VGG19", 3), vgg19])
      expect(findNetwork(fileOf(shapesOf(nameOf, layers))).layers).toEqual(layers);
  });

  it("the first layer that is missing is named", () => {
    const shapes = shapesOf(nameOf, relative("VGG19").slice(0, 10));
    const name = nameOf(vgg19[10]!).replace("slice4", "sliceB"); // nobody knows in which slice it should be
    expect(refusal(shapes)).toBe(`Expected a tensor '${name}.weight' in 'F' but it has none of that name.`);
  });
});

describe("batch normalisation is told", () => {
  const sentence =
    "Expected VGG19 in 'F' but it is a VGG with batch normalisation, which this engine has not.";

  it.each(["features.", "", "module.features.", "slice1."])("behind '%s'", (prefix) => {
    for (const name of ["VGG11", "VGG13", "VGG16", "VGG19"] as const)
      expect(refusal(withNorms(relative(name), prefix)), name).toBe(sentence);
  });

  it("by the papers' names", () => {
    const shapes = shapesOf(({ name }) => `net.${name}`, relative("VGG19"));
    expect(refusal({ ...shapes, "net.bn1_1.weight": [1] })).toBe(sentence);
  });
});

describe("other networks are not called a VGG", () => {
  const first = `Expected VGG19 with a first convolution [out, 3, 3, 3] called ${firstNames} in 'F' but it has`;
  it.each<[string, Shapes, string]>([
    [
      "AlexNet",
      {
        "features.0.weight": [64, 3, 11, 11],
        "features.3.weight": [192, 64, 5, 5],
        "features.6.weight": [384, 192, 3, 3],
      },
      "Expected 'features.0.weight' in 'F' to be [out, 3, 3, 3], from a picture's colours to 1 to " +
        "1024 of its own, but it is [64, 3, 11, 11].",
    ],
    [
      "MobileNet",
      { "features.0.0.weight": [32, 3, 3, 3], "features.0.0.bias": [32], "features.0.1.weight": [32] },
      "Expected a tensor 'features.0.2.weight' in 'F' but it has none of that name.",
    ],
    [
      "ResNet",
      { "conv1.weight": [64, 3, 7, 7], "bn1.weight": [64] },
      `${first} 'conv1.weight' [64, 3, 7, 7] and others.`,
    ],
    [
      "a network for grey pictures",
      { "norm.weight": [1], "0.weight": [64, 1, 3, 3] },
      `${first} '0.weight' [64, 1, 3, 3] and others.`,
    ],
    ["one tensor", { weights: [3, 5] }, `${first} 'weights' [3, 5].`],
    ["a scalar", { step: [] }, `${first} 'step' [].`],
    ["nothing", {}, `${first} no tensor at all.`],
  ])("%s", (_, shapes, sentence) => expect(refusal(shapes)).toBe(sentence));

  it("whose slices count from 0 each", () => {
    const start = (block: number) => torchvisionIndex(vgg19.find((layer) => layer.block === block)!);
    const names = (layer: ConvLayer) =>
      `slice${layer.block + 1}.${torchvisionIndex(layer) - start(layer.block)}`;
    expect(refusal(shapesOf(names, uneven))).toBe(
      "Expected slices that count on from each other in 'F' but both 'slice1.0.weight' and " +
        "'slice2.0.weight' are there.",
    );
  });
});

describe("shapes have to agree", () => {
  const changed = (change: Shapes) => refusal({ ...shapesOf(features, uneven), ...change });
  const from = (source: string, received: string) =>
    `, from ${source} to 1 to 1024 of its own, but it is ${received}.`;

  it.each([
    ["grey", [20, 1, 3, 3]],
    ["opacity", [20, 4, 3, 3]],
    ["a larger kernel", [20, 3, 5, 5]],
    ["a kernel of one side", [20, 3, 3]],
    ["a matrix", [20, 27]],
    ["TensorFlow's order", [3, 3, 3, 20]],
    ["no channels", [0, 3, 3, 3]],
    ["too many channels", [1025, 3, 3, 3]],
    ["one number", []],
  ])("in the first layer: %s", (_, shape) => {
    const received = `[${shape.join(", ")}]`;
    expect(changed({ "features.0.weight": shape })).toBe(
      `Expected 'features.0.weight' in 'F' to be [out, 3, 3, 3]${from("a picture's colours", received)}`,
    );
  });

  it.each([
    ["other channels", [33, 95, 3, 3]],
    ["a larger kernel", [33, 96, 5, 5]],
    ["no channels", [0, 96, 3, 3]],
    ["a matrix", [33, 864]],
  ])("behind another: %s", (_, shape) => {
    const received = `[${shape.join(", ")}]`;
    expect(changed({ "features.7.weight": shape })).toBe(
      `Expected 'features.7.weight' in 'F' to be [out, 96, 3, 3]${from("the channels of 'features.5'", received)}`,
    );
  });

  it.each([[[32]], [[33, 1]], [[]]])("in a bias: %j", (shape) => {
    expect(changed({ "features.7.bias": shape })).toBe(
      `Expected 'features.7.bias' in 'F' to be [33] but it is [${shape.join(", ")}].`,
    );
  });

  it("for every bias is needed", () => {
    const { "features.28.bias": _, ...shapes } = shapesOf(features, uneven);
    expect(refusal(shapes)).toBe("Expected a tensor 'features.28.bias' in 'F' but it has none of that name.");
  });

  it("but what no loss looks at need not", () => {
    const shapes = { ...shapesOf(features, relative("VGG19")), "features.32.weight": [5] };
    expect(findNetwork(fileOf(shapes)).layers.at(-1)).toMatchObject({ name: "conv5_2" });
  });
});

it("names widths from the least to the most", () => {
  expect(widthsOf([20, 7, 100, 40])).toBe("7 to 100 channels");
  expect(widthsOf([48, 48])).toBe("48 channels");
  expect(widthsOf([1, 1])).toBe("1 channel");
});
