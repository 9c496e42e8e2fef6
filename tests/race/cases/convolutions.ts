/** Convolutions of the gpu family: every variant, forward and back, on maps whose last tiles are not full. */
import { expect } from "vitest";
import { matrixFeature, subgroupSizeFeature } from "../../../engine/gpu/matrix-units.ts";
import type { Precision } from "../../../engine/gpu/precision.ts";
import {
  chosenVariant,
  isPlain,
  type Problem,
  type Variant,
  variantsFor,
} from "../../../engine/ops/gpu/variants.ts";
import {
  add,
  conv,
  dConv,
  dPreprocess,
  dRelu,
  gram,
  planes,
  preprocess,
  relu,
  styleLoss,
} from "../../../engine/ops/reference.ts";
import {
  chooseVariant,
  expectActivation,
  expectClose,
  random,
  randomPlanes,
  randomWeights,
} from "../../../engine/ops/testing/operations.ts";
import { openRaceContext, type RaceContext, type RaceOptions } from "../context.ts";
import type { ListedMatrix } from "../device/pipelines.ts";
import { type Case, gpuLimits, operationsOn, precisions, toleranceOf, twoLayers } from "./case.ts";

/** Channels of the side that the sums go over, and of those that several workgroups share. */
const [DEPTH, SPLIT_DEPTH] = [32, 128];

interface ConvolutionCase {
  readonly variant: string;
  readonly precision: Precision;
  readonly tolerance: number;
  readonly options: RaceOptions;
  readonly height: number;
  readonly width: number;
  /** Of the map that is computed. */
  readonly channels: number;
  /** Channels that the sums go over where they aren't `DEPTH`. */
  readonly depth?: number;
  /** Pixels a side of the picture that scratch memory is for; few, so that Winograd's tiles come in several bands. */
  readonly scratch?: number;
}

const problemOf = (
  direction: Problem["direction"],
  side: 1 | 3,
  { channels, height, width, precision, depth = DEPTH }: ConvolutionCase,
): Problem => ({
  side,
  direction,
  inChannels: side === 1 ? channels : depth,
  outChannels: channels,
  pixels: height * width,
  precision,
});

/** Chooses the variant for all problems, and makes sure that it is taken for one. */
function choose(context: RaceContext, given: ConvolutionCase, problem: Problem): void {
  const problems = [problem, problemOf("backward", 1, given)];
  chooseVariant(context, problems, given.variant);
  expect(chosenVariant(problem, context).name).toBe(given.variant);
}

async function forward(context: RaceContext, given: ConvolutionCase): Promise<void> {
  const { height, width, channels, precision, tolerance, depth = DEPTH } = given;
  choose(context, given, problemOf("forward", 3, given));
  const layers = twoLayers(depth, channels);
  const { scratch } = given;
  using test = operationsOn(context, scratch ?? height, scratch ?? width, precision, layers);
  const x = randomPlanes(1, depth, height, width);
  const weights = randomWeights(2, layers[1]);
  const loaded = await test.loadWeights(layers[1], weights);
  const y = test.ops.conv(test.upload(x), loaded, { mask: true, features: true });
  await expectActivation(test, y, conv(x, weights.weight, weights.bias), tolerance, 2 * tolerance);
}

/** The way back, and the product that adds a style's gradient there. */
async function backward(context: RaceContext, given: ConvolutionCase): Promise<void> {
  const { height, width, channels, precision, tolerance, depth = DEPTH } = given;
  choose(context, given, problemOf("backward", 3, given));
  const layers = twoLayers(channels, depth);
  using test = operationsOn(context, height, width, precision, layers);
  const input = relu(randomPlanes(3, channels, height, width));
  const dz = randomPlanes(4, depth, height, width);
  const weights = randomWeights(5, layers[1]);
  const loaded = await test.loadWeights(layers[1], weights);
  const target = gram(relu(randomPlanes(6, channels, height, width)));
  const buffer = test.arena.bufferWith("target", Float32Array.from(target));
  const style = { ...test.sink(), target: buffer, scale: 0.3 };
  const dx = test.observe(test.ops.convBackward(test.upload(dz), loaded, test.upload(input), { style }));
  await test.run();
  const loss = styleLoss(input, target, 0.3);
  const expected = dRelu(add(dConv(dz, weights.weight, channels), loss.gradient), input);
  expectClose((await test.read(dx)).data, expected.data, tolerance);
  expectClose([await test.readSink(style)], [loss.value], tolerance);
}

/** Where backward begins with a style: its product stands alone. */
async function styleAlone(context: RaceContext, given: ConvolutionCase): Promise<void> {
  const { height, width, channels, precision, tolerance } = given;
  choose(context, given, problemOf("backward", 1, given));
  using test = operationsOn(context, height, width, precision, twoLayers(channels, DEPTH));
  const x = relu(randomPlanes(7, channels, height, width));
  const target = gram(relu(randomPlanes(8, channels, height, width)));
  const buffer = test.arena.bufferWith("target", Float32Array.from(target));
  const style = { ...test.sink(), target: buffer, scale: 40 };
  const dz = test.observe(test.ops.lossBackward(test.upload(x), { style }));
  await test.run();
  const loss = styleLoss(x, target, 40);
  expectClose((await test.read(dz)).data, dRelu(loss.gradient, x).data, tolerance);
  expectClose([await test.readSink(style)], [loss.value], tolerance);
}

const ways = { forward, backward, styleAlone };
type Way = keyof typeof ways;

function caseOf(way: Way, given: ConvolutionCase, kernels: readonly string[], title = ""): Case {
  const { variant, precision, height, width, options } = given;
  return {
    name: `${title}${variant} ${way} in ${precision} at ${height}x${width}`,
    kernels,
    options,
    run: (context) => ways[way](context, given),
  };
}

const withGram = ["gram_product", "gram_reduce", "style_loss"];

/** The variants of a kind that compute `channels` channels on an adapter. */
function variantsOf(
  kind: Variant["kind"],
  channels: number,
  precision: Precision,
  options: RaceOptions,
  depth = DEPTH,
): readonly Variant[] {
  using context = openRaceContext(options);
  const problem = {
    side: 3,
    direction: "forward",
    inChannels: depth,
    outChannels: channels,
    pixels: 99,
  } as const;
  const variants = variantsFor({ ...problem, precision }, context);
  return variants.filter((variant) => variant.kind === kind);
}

/** Pixels that fill a tile of 128 and part of another. */
const [HEIGHT, WIDTH] = [11, 13];

/** Tiles don't differ in how blocks follow each other: one is enough of each way that is not the plain one. */
const isCase = (variant: Variant): boolean =>
  isPlain(variant) || (variant.tile.channels === 64 && variant.tile.pixels === 64);

const depthOf = (variant: Variant): number =>
  "splits" in variant && variant.splits > 1 ? SPLIT_DEPTH : DEPTH;

/** The kernels that a variant takes. */
const kernelsOf = (kernel: string, variant: Variant): readonly string[] =>
  depthOf(variant) === SPLIT_DEPTH ? [kernel, "conv2d_split_sum"] : [kernel];

const gemmCases: readonly Case[] = precisions.flatMap((precision) =>
  variantsOf("gemm", 128, precision, { limits: gpuLimits }, SPLIT_DEPTH)
    .filter(isCase)
    .flatMap((variant) => {
      const { name, method, tile } = variant;
      const common = { variant: name, precision, options: { limits: gpuLimits }, depth: depthOf(variant) };
      const tolerance = method === "gemm-f16" ? 2e-3 : toleranceOf(precision);
      const channels = Math.max(64, tile.channels);
      const given = { ...common, tolerance, height: HEIGHT, width: WIDTH, channels };
      const kernels = kernelsOf("conv2d_gemm", variant);
      const isAlone = isPlain(variant) && method === "gemm";
      return [
        caseOf("forward", given, kernels),
        caseOf("backward", given, [...kernels, ...withGram]),
        ...(isAlone
          ? [caseOf("styleAlone", { ...given, height: 5, width: 7 }, [...kernels, ...withGram])]
          : []),
      ];
    }),
);

const winograd = [
  "conv2d_winograd_input",
  "conv2d_winograd_output",
  "conv2d_winograd_weights",
  "conv2d_gemm",
];

/** Products are f32 in either precision: one tile is enough in f16. */
const winogradCases: readonly Case[] = precisions.flatMap((precision) =>
  variantsOf("winograd", 128, precision, { limits: gpuLimits })
    .filter(({ name }) => precision === "f32" || name.includes("64x64"))
    .flatMap(({ name: variant, tile: { channels } }) => {
      const common = {
        variant,
        precision,
        tolerance: toleranceOf(precision),
        options: { limits: gpuLimits },
      };
      const given = { ...common, height: 9, width: 11, channels };
      const back = variant.includes("64x64") ? [caseOf("backward", given, winograd)] : [];
      return [caseOf("forward", given, winograd), ...back];
    }),
);

const bandCases: readonly Case[] = [2, 4].map((outputs) => {
  const common = { precision: "f32", tolerance: 1e-5, options: { limits: gpuLimits } } as const;
  const given = {
    ...common,
    variant: `winograd${outputs}-64x64-8x4`,
    height: 9,
    width: 11,
    channels: 64,
    scratch: 8,
  };
  return caseOf("forward", given, winograd, "in bands, ");
});

/** Adapters with matrix units, by what they list. */
const matrixAdapters: readonly {
  readonly title: string;
  readonly subgroup: RaceOptions["subgroup"] & {};
  readonly configs: readonly (readonly [operand: "f16" | "f32", m: number, n: number, k: number])[];
}[] = [
  {
    title: "NVIDIA",
    subgroup: 32,
    configs: [
      ["f16", 16, 16, 16],
      ["f16", 16, 8, 16],
    ],
  },
  {
    title: "Apple",
    subgroup: 32,
    configs: [
      ["f32", 8, 8, 8],
      ["f16", 8, 8, 8],
    ],
  },
  { title: "Intel", subgroup: [8, 32], configs: [["f16", 8, 16, 16]] },
  {
    title: "lavapipe",
    subgroup: 8,
    configs: [
      ["f32", 8, 8, 8],
      ["f16", 8, 8, 8],
    ],
  },
  { title: "AMD", subgroup: [32, 64], configs: [["f16", 16, 16, 16]] },
];

const listed = (configs: (typeof matrixAdapters)[number]["configs"]): ListedMatrix[] =>
  configs.map(([operand, M, N, K]) => ({ componentType: operand, resultComponentType: "f32", M, N, K }));

const matrixCases: readonly Case[] = matrixAdapters.flatMap(({ title, subgroup, configs }) =>
  precisions.flatMap((precision) => {
    const options: RaceOptions = {
      subgroup,
      matrixConfigs: listed(configs),
      features: ["shader-f16", "subgroups", subgroupSizeFeature, matrixFeature],
      limits: gpuLimits,
    };
    const variants = variantsOf("matrix", 128, precision, options, SPLIT_DEPTH).filter(isCase);
    return variants.flatMap((variant) => {
      const { name, method, tile } = variant;
      const tolerance = method.includes("f16") ? 1e-3 : toleranceOf(precision);
      const common = { variant: name, precision, tolerance, options, depth: depthOf(variant) };
      const given = { ...common, height: HEIGHT, width: WIDTH, channels: tile.channels };
      const kernels = kernelsOf("conv2d_matrix", variant);
      const ways = isPlain(variant) ? (["forward", "backward"] as const) : (["forward"] as const);
      return ways.map((way) => caseOf(way, given, kernels, `${title}'s `));
    });
  }),
);

/** From the picture to the first map, and from its gradient to the picture's. */
async function picture(
  context: RaceContext,
  precision: Precision,
  height: number,
  width: number,
  channels: number,
): Promise<void> {
  const tolerance = toleranceOf(precision);
  const layers = twoLayers(channels, 32);
  using test = operationsOn(context, height, width, precision, layers);
  const image = planes(3, height, width, random(7, 3 * height * width, 0, 1));
  const dz = randomPlanes(8, channels, height, width);
  const weights = randomWeights(9, layers[0]);
  const loaded = await test.loadWeights(layers[0], weights);
  const gradient = test.arena.buffer("gradient", 12 * height * width);
  const y = test.ops.convInput(test.arena.bufferWith("image", Float32Array.from(image.data)), loaded, {
    mask: true,
    features: false,
  });
  test.ops.inputBackward(test.upload(dz), loaded, gradient);
  await expectActivation(
    test,
    y,
    conv(preprocess(image, test.preprocessing), weights.weight, weights.bias),
    tolerance,
  );
  const back = dPreprocess(dConv(dz, weights.weight, 3), test.preprocessing);
  expectClose(await context.readFloats(gradient, 3 * height * width), back.data, tolerance);
}

const pictureSizes = [
  [5, 7, 32],
  [17, 13, 64],
  [19, 33, 96],
] as const;

const pictureCases: readonly Case[] = precisions.flatMap((precision) =>
  pictureSizes.map(([height, width, channels]) => ({
    name: `a picture of ${height}x${width} to ${channels} channels and back in ${precision}`,
    kernels: ["conv_input", "conv_input_backward"],
    run: (context) => picture(context, precision, height, width, channels),
  })),
);

/** What the cpu family runs of these, in its only way. */
export const convolutionsOfCpu: readonly Case[] = [
  {
    name: "a picture of 17x13 to 32 channels and back",
    kernels: ["image_pack", "image_unpack"],
    run: (context) => picture(context, "f32", 17, 13, 32),
  },
];

export const convolutionCases = {
  gemmCases,
  winogradCases: [...winogradCases, ...bandCases],
  matrixCases,
  pictureCases,
} as const;
