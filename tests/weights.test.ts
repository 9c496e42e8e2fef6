/**
 * VGG19 as PyTorch writes it (fixtures/make_weights.py): the same tensors, losses and gradients out of every format,
 * naming, preprocessing and pooling.
 *
 * Where `python3`, or $PYTHON, has PyTorch, also with files of full size that it writes for the occasion: 1.2 GB among
 * the temporary files.
 */
import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import type { GpuContext } from "../engine/gpu/context.ts";
import { lossLayers } from "../engine/losses/objective.ts";
import { loadModel } from "../engine/model.ts";
import { type ConvLayer, type ConvName, vgg19 } from "../engine/network/layers.ts";
import type { ConvWeights } from "../engine/network/types.ts";
import { openContext } from "../engine/node.ts";
import { openTensorFile } from "../weights/formats/open.ts";
import { loadNetwork } from "../weights/load.ts";
import { torchvisionIndex } from "../weights/naming.ts";
import { findNetwork, readConvolutions } from "../weights/network-file.ts";
import type { PreprocessingName } from "../weights/preprocessing.ts";
import { encodeSafetensors } from "../weights/testing/tensors.ts";
import {
  expectLossesAndGradient,
  f32Tolerances,
  type ObjectiveCase,
  storedFloats,
  terms,
} from "./objective-case.ts";

/** A layer's tensors are `<this>.weight` and `<this>.bias`. */
const namings = {
  features: (layer: ConvLayer) => `features.${torchvisionIndex(layer)}`,
  papers: ({ name }: ConvLayer) => name,
  module: (layer: ConvLayer) => `module.features.${torchvisionIndex(layer)}`,
} as const;
type NamingName = keyof typeof namings;
const namingNames = Object.keys(namings) as NamingName[];

const formats = ["torch-legacy", "torch-zip", "safetensors"] as const;
type FormatName = (typeof formats)[number];

/** What make_weights.py says of the files that it wrote. */
interface Expected {
  /** SHA-256 of contiguous float32. */
  readonly tensors: Readonly<Record<ConvName, Readonly<Record<keyof ConvWeights, string>>>>;
  readonly cases: readonly (ObjectiveCase & { readonly preprocessing: PreprocessingName })[];
}

const expectedIn = (written: string): Expected =>
  JSON.parse(readFileSync(join(written, "expected.json"), "utf8"));

async function expectTensors(path: string, format: FormatName, naming: NamingName, expected: Expected) {
  await using file = await openTensorFile(path);
  const found = findNetwork(file);
  expect(file.format).toBe(format);
  expect(found.layers.map(found.naming.layerName)).toEqual(vgg19.map(namings[naming]));
  const hash = (data: Float32Array) => createHash("sha256").update(data).digest("hex");
  for (const [name, { weight, bias }] of await readConvolutions(file, found)) {
    expect({ weight: hash(weight), bias: hash(bias) }, name).toEqual(expected.tensors[name]);
  }
}

/** Compares the network in `path` with all cases in the folder `written` of one preprocessing. */
async function expectCases(
  context: GpuContext,
  path: string,
  preprocessing: PreprocessingName,
  written: string,
) {
  using arena = context.arena("weights");
  const network = await loadNetwork(path, { preprocessing });
  const model = await loadModel(context, arena, network, "avg", [...lossLayers(terms)]);
  const gradients = storedFloats(join(written, "gradients.bin"));
  const cases = expectedIn(written).cases.filter((one) => one.preprocessing === preprocessing);
  expect(cases.map(({ pooling }) => pooling)).toEqual(["avg", "max"]);
  for (const one of cases)
    await expectLossesAndGradient(context, model, one, gradients(one.gradient), f32Tolerances);
}

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "stylize-weights-"));
});
afterAll(() => rm(temporary, { recursive: true }));

describe("small files that PyTorch wrote", () => {
  const written = fileURLToPath(new URL("fixtures/weights", import.meta.url));
  const expected = expectedIn(written);
  const pathOf = (format: FormatName, naming: NamingName) =>
    format === "safetensors"
      ? join(temporary, `${naming}.safetensors`)
      : join(written, `${format}-${naming}.pth`);

  // PyTorch does not write safetensors, and such a file is large: it holds every weight.
  beforeAll(async () => {
    await using file = await openTensorFile(pathOf("torch-zip", "features"));
    const convolutions = await readConvolutions(file, findNetwork(file));
    for (const naming of namingNames) {
      const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
      for (const layer of vgg19) {
        const { weight, bias } = convolutions.get(layer.name)!;
        const { inChannels, outChannels } = layer;
        const name = namings[naming](layer);
        tensors.set(`${name}.weight`, { shape: [outChannels, inChannels, 3, 3], data: weight });
        tensors.set(`${name}.bias`, { shape: [outChannels], data: bias });
      }
      await writeFile(pathOf("safetensors", naming), encodeSafetensors(tensors));
    }
  });

  const files = formats.flatMap((format) => namingNames.map((naming) => ({ format, naming })));
  test.each(files)("hold PyTorch's tensors, to the bit: $format, $naming", ({ format, naming }) =>
    expectTensors(pathOf(format, naming), format, naming, expected),
  );

  describe.each<KernelFamilyName>(["cpu", "gpu"])(
    "give PyTorch's losses and gradients, %s family",
    (family) => {
      let context: GpuContext;
      beforeAll(async () => {
        context = await openContext({ family, giveWay: true });
      });
      afterAll(() => context[Symbol.dispose]());

      // Each format and each naming with each preprocessing; plain shaders are slow on a software adapter, so one
      // format there.
      const choices = [
        { format: "torch-zip", naming: "features", preprocessing: "torchvision" },
        { format: "torch-zip", naming: "papers", preprocessing: "caffe" },
        { format: "torch-legacy", naming: "papers", preprocessing: "torchvision" },
        { format: "torch-legacy", naming: "module", preprocessing: "caffe" },
        { format: "safetensors", naming: "module", preprocessing: "torchvision" },
        { format: "safetensors", naming: "features", preprocessing: "caffe" },
      ] as const;
      const chosen = choices.filter(({ format }) => family === "cpu" || format === "torch-zip");
      test.each(chosen)("$format, $naming, $preprocessing", ({ format, naming, preprocessing }) =>
        expectCases(context, pathOf(format, naming), preprocessing, written),
      );
    },
  );
});

const python = process.env.PYTHON ?? "python3";
const canImport = (modules: string) => spawnSync(python, ["-c", `import ${modules}`]).status === 0;
const hasTorch = canImport("torch");
const hasSafetensors = hasTorch && canImport("safetensors.torch");

describe.runIf(hasTorch)("files of full size that PyTorch writes now", () => {
  let written: string;
  let context: GpuContext;
  beforeAll(async () => {
    written = join(temporary, "full");
    const script = fileURLToPath(new URL("fixtures/make_weights.py", import.meta.url));
    await promisify(execFile)(python, ["-B", script, written]);
    context = await openContext({ family: "cpu" });
  });
  afterAll(() => context?.[Symbol.dispose]());

  const choices = [
    { format: "torch-legacy", extension: "pth", preprocessing: "torchvision" },
    { format: "torch-zip", extension: "pth", preprocessing: "caffe" },
    { format: "safetensors", extension: "safetensors", preprocessing: "torchvision" },
  ] as const;
  const chosen = choices.filter(({ format }) => format !== "safetensors" || hasSafetensors);
  test.each(chosen)("$format, $preprocessing", async ({ format, extension, preprocessing }) => {
    const path = join(written, `${format}-features.${extension}`);
    await expectTensors(path, format, "features", expectedIn(written));
    await expectCases(context, path, preprocessing, written);
  });
});
