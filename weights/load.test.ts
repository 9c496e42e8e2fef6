import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ConvLayer, vgg19 } from "../engine/network/vgg19.ts";
import { loadNetwork } from "./load.ts";
import { encodeSafetensors, type Tensor } from "./safetensors.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-load-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A number that differs from layer to layer. */
const mark = ({ featuresIndex }: ConvLayer) => featuresIndex + 0.5;

/** All tensors of VGG19's convolutions up to conv5_1, each filled with one number. */
function tensors(nameOf: (layer: ConvLayer) => string): Map<string, Tensor> {
  const result = new Map<string, Tensor>();
  for (const layer of vgg19.slice(0, 13)) {
    const { inChannels, outChannels } = layer;
    const weight = new Float32Array(outChannels * inChannels * 9).fill(mark(layer));
    weight[1] = -1;
    const bias = new Float32Array(outChannels).fill(-mark(layer));
    result.set(`${nameOf(layer)}.weight`, { shape: [outChannels, inChannels, 3, 3], data: weight });
    result.set(`${nameOf(layer)}.bias`, { shape: [outChannels], data: bias });
  }
  return result;
}

const features = ({ featuresIndex }: ConvLayer) => `features.${featuresIndex}`;

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
    expect(network.name).toBe("vgg19 from vgg.safetensors");
    expect(network.preprocessing.name).toBe("torchvision");
    expect([...network.layers.keys()]).toEqual(vgg19.slice(0, 13).map(({ name }) => name));
    for (const layer of vgg19.slice(0, 13)) {
      const { weight, bias } = network.layers.get(layer.name)!;
      expect(weight).toHaveLength(layer.outChannels * layer.inChannels * 9);
      expect([weight[0], weight[1], weight.at(-1)]).toEqual([mark(layer), -1, mark(layer)]);
      expect([bias.length, bias[0]]).toEqual([layer.outChannels, -mark(layer)]);
    }
  });

  it("passes over tensors it has no use for", async () => {
    const content = tensors(features);
    content.set("classifier.0.weight", { shape: [2], data: Float32Array.of(Number.NaN, 1) });
    content.set("features.30.weight", { shape: [1], data: Float32Array.of(1) });
    const network = await loadNetwork(await save("more.safetensors", content));
    expect(network.layers.size).toBe(13);
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
      "Expected 'features.5.bias' of VGG19 in F to be [128] but it is [64].",
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
      "Expected VGG19 with a tensor features.0.weight or conv1_1.weight or module.features.0.weight or module.conv1_1.weight in F but it has 'encoder.weight' and others.",
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
