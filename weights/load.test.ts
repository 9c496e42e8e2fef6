import { copyFile, mkdir, mkdtemp, open, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ConvLayer, vgg19 } from "../engine/network/layers.ts";
import { layersFor } from "../engine/network/layers-for.ts";
import { cacheFolder } from "./download/cache.ts";
import { convertNetwork, inspectFile } from "./files.ts";
import { openTensorFile } from "./formats/open.ts";
import type { Tensor } from "./formats/safetensors.ts";
import { loadDefaultNetwork, loadNetwork, networkFile } from "./load.ts";
import { bestNetwork, manifest } from "./manifest.ts";
import { firstNames, torchvisionIndex } from "./naming.ts";
import { compact, compactSmall, shippedNetworks, vgg19Defaults } from "./shipped.ts";
import { encodeSafetensors, features, likeTorchvision, mark, tensors, uneven } from "./testing/tensors.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-load-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Whether `value` is `expected` times a power of two, as rescaling leaves it. */
const isScaled = (value: number, expected: number) => Number.isInteger(Math.log2(value / expected));

/** The safetensors file `bytes` with one more tensor in its header, which makes it `size` bytes long. */
function withFiller(bytes: Uint8Array, size: number): Uint8Array {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const data = bytes.subarray(8 + length);
  const room = length + 120;
  const filler = size - 8 - room - data.length;
  header.filler = { dtype: "U8", shape: [filler], data_offsets: [data.length, data.length + filler] };
  const result = Buffer.concat([Buffer.alloc(8), Buffer.from(JSON.stringify(header).padEnd(room)), data]);
  result.writeBigUInt64LE(BigInt(room));
  return result;
}

async function save(name: string, content: ReadonlyMap<string, Tensor>): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, encodeSafetensors(content));
  return path;
}

describe("loadNetwork", () => {
  it.each<[string, (layer: ConvLayer) => string]>([
    ["torchvision's names", features],
    ["the papers' names", ({ name }) => name],
    ["names from DataParallel", (layer) => `module.${features(layer)}`],
  ])("reads %s", async (_, nameOf) => {
    const network = await loadNetwork(await save("vgg.safetensors", tensors(nameOf)));
    expect(network.name).toMatch(/^VGG19 from vgg.safetensors, /);
    expect(network.preprocessing.name).toBe(nameOf(vgg19[0]!).startsWith("conv") ? "caffe" : "torchvision");
    expect([...network.weights.keys()]).toEqual(vgg19.slice(0, 13).map(({ name }) => name));
    for (const layer of vgg19.slice(0, 13)) {
      const { weight, bias } = network.weights.get(layer.name)!;
      expect(weight).toHaveLength(layer.outChannels * layer.inChannels * 9);
      expect(weight[0]! / weight[1]!).toBe(mark(layer) / -2);
      expect(weight.at(-1)).toBe(weight[0]);
      expect([isScaled(weight[0]!, mark(layer)), isScaled(bias[0]!, -mark(layer))]).toEqual([true, true]);
      expect(bias).toHaveLength(layer.outChannels);
    }
  });

  it.each<[string, (layer: ConvLayer) => string]>([
    ["torchvision's names", features],
    ["the papers' names", ({ name }) => name],
    ["bare numbers", (layer) => `${torchvisionIndex(layer)}`],
    ["slices", (layer) => `vgg.slice${1 + (layer.index % 4)}.${torchvisionIndex(layer)}`],
  ])("reads networks of any width by %s", async (_, nameOf) => {
    const network = await loadNetwork(await save("uneven.safetensors", tensors(nameOf, uneven)));
    expect(network.name).toBe(
      "VGG19 of 7 to 100 channels from uneven.safetensors, torchvision preprocessing",
    );
    expect(network.layers).toEqual(uneven);
    expect([...network.weights.keys()]).toEqual(uneven.map(({ name }) => name));
    for (const layer of uneven) {
      const { weight, bias } = network.weights.get(layer.name)!;
      expect([weight.length, bias.length]).toEqual([
        9 * layer.inChannels * layer.outChannels,
        layer.outChannels,
      ]);
      expect(weight[0]! / weight[1]!).toBe(mark(layer) / -2);
      expect([isScaled(weight.at(-1)!, mark(layer)), isScaled(bias[0]!, -mark(layer))]).toEqual([true, true]);
    }
  });

  it("looks once for what is not finite, runs included", async () => {
    const path = await save("looked-at.safetensors", tensors(features, uneven));
    const { isFinite: look } = Number;
    let looks = 0;
    Number.isFinite = (value) => ++looks > 0 && look(value);
    try {
      const network = await loadNetwork(path);
      layersFor(network, new Set(["relu5_1"] as const));
      const numbers = [...network.weights.values()].flatMap(({ weight, bias }) => [
        weight.length,
        bias.length,
      ]);
      const perLayer = looks - numbers.reduce((sum, length) => sum + length, 0);
      expect(perLayer).toBeLessThan(100);
      expect(perLayer).toBeGreaterThanOrEqual(0);
    } finally {
      Number.isFinite = look;
    }
  });

  it("takes the preprocessing it is told", async () => {
    const path = await save("told.safetensors", tensors(features));
    for (const preprocessing of ["caffe", "torchvision"] as const)
      expect((await loadNetwork(path, { preprocessing })).preprocessing.name).toBe(preprocessing);
  });

  it("passes over tensors it has no use for", async () => {
    const content = tensors(features);
    content.set("classifier.0.weight", { shape: [2], data: Float32Array.of(Number.NaN, 1) });
    content.set("features.30.weight", { shape: [1], data: Float32Array.of(1) });
    const network = await loadNetwork(await save("more.safetensors", content));
    expect(network.weights.size).toBe(13);
  });
});

describe("loadNetwork refuses", () => {
  const refused = async (name: string, change: (content: Map<string, Tensor>) => void, sentence: string) => {
    const content = tensors(features);
    change(content);
    const path = await save(name, content);
    await expect(loadNetwork(path)).rejects.toMatchObject({
      name: "StylizeError",
      code: "bad-weights",
      message: sentence.replace("F", `'${path}'`),
    });
  };

  it("a file without one of the tensors", () =>
    refused(
      "missing.safetensors",
      (content) => content.delete("features.16.weight"),
      "Expected a tensor 'features.16.weight' in F but it has none of that name.",
    ));

  it("a tensor of another shape", () =>
    refused(
      "shape.safetensors",
      (content) => content.set("features.5.bias", { shape: [64], data: new Float32Array(64) }),
      "Expected 'features.5.bias' in F to be [128] but it is [64].",
    ));

  it("a layer that takes other channels than the one before it gives", () =>
    refused(
      "shapes.safetensors",
      (content) =>
        content.set("features.7.weight", { shape: [128, 64, 3, 3], data: new Float32Array(128 * 64 * 9) }),
      "Expected 'features.7.weight' in F to be [out, 128, 3, 3], from the channels of 'features.5' " +
        "to 1 to 1024 of its own, but it is [128, 64, 3, 3].",
    ));

  it.each([Number.NaN, Number.NEGATIVE_INFINITY])("a tensor that holds %d", (value) =>
    refused(
      "nan.safetensors",
      (content) => {
        content.get("features.28.weight")!.data[2_000_000] = value;
      },
      "Expected finite numbers in 'features.28.weight' of F but it holds NaN or infinity.",
    ),
  );

  it("weights of something else", () =>
    refused(
      "other.safetensors",
      (content) => {
        content.clear();
        content.set("encoder.weight", { shape: [1], data: new Float32Array(1) });
      },
      `Expected VGG19 with a first convolution [out, 3, 3, 3] called ${firstNames} in F but it has ` +
        `'encoder.weight' [1].`,
    ));

  it("two networks in one file", () =>
    refused(
      "two.safetensors",
      (content) => content.set("teacher.features.0.weight", { shape: [1], data: new Float32Array(1) }),
      "Expected one VGG19 in F but both 'features.0.weight' and 'teacher.features.0.weight' begin one.",
    ));

  it("a file without tensors", async () => {
    const path = await save("none.safetensors", new Map());
    await expect(loadNetwork(path)).rejects.toMatchObject({
      code: "bad-weights",
      message: expect.stringMatching(/but it has no tensor at all\.$/),
    });
  });

  it("a file that is cut short, before it reads the tensors", async () => {
    const path = await save("cut.safetensors", tensors(features));
    const file = await open(path, "r+");
    await file.truncate(1_000_000);
    await file.close();
    await expect(loadNetwork(path)).rejects.toMatchObject({
      code: "bad-weights",
      message: expect.stringMatching(/ but it has 1000000: it is cut short, get it again\.$/),
    });
  });
});

describe("networks by name", () => {
  const env = (name: string) => ({ XDG_CACHE_HOME: join(folder, name), LOCALAPPDATA: join(folder, name) });

  it("has the generated one without any file, with its own preprocessing only", async () => {
    expect((await loadNetwork("generated")).name).toBe("generated network");
    await expect(loadNetwork("generated", { preprocessing: "caffe" })).rejects.toMatchObject({
      code: "bad-option",
    });
  });

  it("says how to fetch what is not here", async () => {
    const cache = join(folder, "nowhere");
    const place = cacheFolder({}, cache);
    await expect(loadNetwork("vgg19", { cache })).rejects.toMatchObject({
      code: "file-not-found",
      message:
        `Expected the network 'vgg19' in '${place}' but it is not there: ` +
        "'stylize weights pull vgg19' fetches it.",
    });
  });

  it("tells a copy of one that ships by its metadata, and that it is one", async () => {
    const { path } = await networkFile(compact.name, {});
    const [copy, other] = [join(folder, compact.file), join(folder, "copied.safetensors")];
    await copyFile(path, copy);
    await convertNetwork(copy, other);
    const [original, network] = [await loadNetwork(copy), await loadNetwork(other)];
    expect([original.name, network.name]).toEqual([
      `${compact.name} from ${compact.file}`,
      `${compact.name} from copied.safetensors`,
    ]);
    expect(network.defaults).toEqual(compact.defaults);
    expect(network.preprocessing).toEqual(original.preprocessing);
    for (const [layer, { weight, bias }] of original.weights) {
      const converted = network.weights.get(layer)!;
      expect(Buffer.from(converted.weight.buffer).equals(Buffer.from(weight.buffer)), layer).toBe(true);
      expect(converted.bias).toEqual(bias);
    }
  });

  it("takes the settings of one that ships for a file of its shape alone", async () => {
    const path = join(folder, "wide.safetensors");
    await writeFile(path, encodeSafetensors(tensors(features), { network: compact.name }));
    const { name, defaults } = await loadNetwork(path);
    expect(name).toMatch(/^VGG19 from wide\.safetensors, /);
    expect(defaults).toEqual(vgg19Defaults);
  });

  it("tells how to get a fetched one anew that is damaged", async () => {
    const cache = join(folder, "damaged");
    await mkdir(cacheFolder({}, cache), { recursive: true });
    const path = join(cacheFolder({}, cache), bestNetwork.file);
    await writeFile(path, new Uint8Array(1));
    await truncate(path, bestNetwork.size);
    await expect(loadNetwork("vgg19", { cache })).rejects.toMatchObject({
      code: "bad-weights",
      message: expect.stringMatching(/; delete it, and 'stylize weights pull vgg19' fetches it anew\.$/),
    });
  });

  it.each(["compcat", "vgg16", "no-such-name"])(
    "lists the names where '%s' is neither one nor a file",
    async (name) => {
      const names = [...shippedNetworks, ...manifest].map((network) => network.name).join(", ");
      await expect(loadNetwork(name)).rejects.toMatchObject({
        code: "file-not-found",
        message: `Expected a network (${names}, generated) or a weights file but there is no '${name}'.`,
      });
    },
  );

  it("prefers VGG19 once it has been fetched", async () => {
    expect((await loadDefaultNetwork({ env: env("user") })).name).toBe(compact.name);
    expect((await loadDefaultNetwork({ env: env("user"), isSoftware: true })).name).toBe(compactSmall.name);
    const place = cacheFolder(env("user"));
    await mkdir(place, { recursive: true });
    const path = join(place, bestNetwork.file);
    await writeFile(path, withFiller(encodeSafetensors(tensors(features)), bestNetwork.size!));
    await truncate(path, bestNetwork.size); // sparse, but as large as the published one
    expect((await loadDefaultNetwork({ env: env("user") })).name).toBe("vgg19");
    expect((await loadDefaultNetwork({ env: env("user"), isSoftware: true })).name).toBe("vgg19");
    expect((await loadDefaultNetwork({ cache: join(folder, "elsewhere") })).name).toBe(compact.name);
    expect((await loadNetwork("generated", { env: env("user") })).name).toBe("generated network");
    await rm(path);
  });
});

describe("inspectFile", () => {
  it("tells what a file is without reading values", async () => {
    const content = tensors((layer) => `module.${layer.name}`);
    content.set("other", { shape: [2], data: Float32Array.of(Number.NaN, 1) });
    const path = await save("inspect.safetensors", content);
    expect(await inspectFile(path)).toEqual({
      path,
      format: "safetensors",
      tensors: 27,
      dtypes: { F32: 27 },
      metadata: {},
      naming: "convB_I",
      prefix: "module.",
      layers: vgg19.slice(0, 13).map(({ name }) => name),
      channels: vgg19.slice(0, 13).map(({ outChannels }) => outChannels),
      missing: [],
      preprocessing: "caffe",
      reason: expect.stringContaining("conv1_1"),
    });
  });

  it.each([
    ["torchvision's classifier", ["classifier.0.weight", "classifier.3.weight"], "torchvision"],
    ["Johnson's classifier", ["module.classifier.1.weight", "module.classifier.4.weight"], "caffe"],
  ])("tells the preprocessing by %s", async (_, names, preprocessing) => {
    const content = tensors(features);
    for (const name of names) content.set(name, { shape: [1], data: new Float32Array(1) });
    expect(await inspectFile(await save("classifier.safetensors", content))).toMatchObject({ preprocessing });
  });

  it("tells the preprocessing by a first layer that does it", async () => {
    const content = tensors((layer) => `${3 * vgg19.indexOf(layer) + layer.block + 2}`);
    const weight = Float32Array.of(0, 0, 255, 0, 255, 0, 255, 0, 0);
    content.set("0.weight", { shape: [3, 3, 1, 1], data: weight });
    content.set("0.bias", { shape: [3], data: Float32Array.of(-103.939, -116.779, -123.68) });
    const path = await save("normalised.safetensors", content);
    expect(await inspectFile(path)).toMatchObject({ naming: "N", preprocessing: "the file's own" });
    expect((await loadNetwork(path)).preprocessing.order).toEqual([2, 1, 0]);
    const output = join(folder, "plain.safetensors");
    expect(await convertNetwork(path, output)).toMatchObject({ preprocessing: "caffe" });
  });

  it("knows torchvision's numbers under any name", async () => {
    const content = tensors(({ name }) => name);
    likeTorchvision(content, ({ name }) => name);
    const path = await save("renamed.safetensors", content);
    expect(await inspectFile(path)).toMatchObject({ naming: "convB_I", preprocessing: "torchvision" });
    content.get("conv1_2.weight")!.data[0]! += 10; // retrained
    expect(await inspectFile(await save("retrained.safetensors", content))).toMatchObject({
      preprocessing: "caffe",
    });
  });

  it("refuses what loading refuses: types that are no floats, and cut files", async () => {
    const content = tensors(features, uneven);
    const bytes = Buffer.from(encodeSafetensors(content));
    const at = bytes.indexOf('"F32"', bytes.indexOf('"features.12.weight"'));
    const typed = join(folder, "typed.safetensors");
    await writeFile(
      typed,
      Buffer.concat([bytes.subarray(0, at), Buffer.from('"I32"'), bytes.subarray(at + 5)]),
    );
    const cut = join(folder, "cut-short.safetensors");
    await writeFile(cut, bytes.subarray(0, -1));
    for (const [path, what] of [
      [typed, "to be one of F32, F64, F16, BF16 but it is I32."],
      [cut, `but it has ${bytes.length - 1}: it is cut short, get it again.`],
    ] as const) {
      const refused = { code: "bad-weights", message: expect.stringContaining(what) };
      await expect(loadNetwork(path)).rejects.toMatchObject(refused);
      await expect(inspectFile(path)).rejects.toMatchObject(refused);
    }
  });

  it("passes over the end of a file that loading does not read", async () => {
    const content = tensors(features, uneven);
    content.set("head", { shape: [1000], data: new Float32Array(1000) });
    const path = join(folder, "headless.safetensors");
    await writeFile(path, encodeSafetensors(content).subarray(0, -1));
    expect(await inspectFile(path)).toMatchObject({ missing: [] });
    expect((await loadNetwork(path)).layers).toEqual(uneven);
  });

  it("lists what is missing", async () => {
    const content = tensors(features);
    content.delete("features.25.weight");
    const { layers, missing } = await inspectFile(await save("gap.safetensors", content));
    expect(layers.at(-1)).toBe("conv4_3");
    expect(missing).toEqual(["conv4_4", "conv5_1"]);
  });
});

describe("convertNetwork", () => {
  it("keeps convolutions and preprocessing, and the values as they are", async () => {
    const content = tensors(({ name }) => name);
    content.set("fc6.weight", { shape: [2], data: Float32Array.of(1, 2) });
    const output = join(folder, "converted.safetensors");
    const converted = await convertNetwork(await save("in.safetensors", content), output);
    expect(converted).toMatchObject({ preprocessing: "caffe" });
    await using file = await openTensorFile(output);
    expect([...file.tensors.keys()]).toEqual([...tensors(features).keys()]);
    expect(file.metadata).toEqual({ preprocessing: "caffe", source: "in.safetensors" });
    const [values, expected] = [await file.read("features.28.weight"), content.get("conv5_1.weight")!.data];
    expect(values.every((value, i) => value === expected[i])).toBe(true);
    expect((await loadNetwork(output)).preprocessing.name).toBe("caffe");
  });

  it("can replace the file it reads, with another preprocessing", async () => {
    const path = await save("same.safetensors", tensors(features));
    await convertNetwork(path, path, "caffe");
    expect(await inspectFile(path)).toMatchObject({ preprocessing: "caffe", reason: "its metadata says so" });
  });

  it("writes safetensors under no other name, and nothing when the input is bad", async () => {
    const input = await save("input.safetensors", tensors(features));
    await expect(convertNetwork(input, join(folder, "out.pth"))).rejects.toMatchObject({
      code: "bad-option",
    });
    await truncate(input, 1000);
    await expect(convertNetwork(input, join(folder, "never.safetensors"))).rejects.toMatchObject({
      code: "bad-weights",
    });
    expect(await readdir(folder)).not.toContain("never.safetensors");
  });
});
