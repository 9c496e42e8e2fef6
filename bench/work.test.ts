import { expect, test } from "vitest";
import { vgg19 } from "../engine/network/layers.ts";
import { loadNetwork } from "../weights/index.ts";
import { compact, compactSmall } from "../weights/shipped.ts";
import { sum } from "./report.ts";
import { layersOf, networkOf, seededNetwork } from "./task.ts";
import { convolutionWork, floorMs, lbfgsWork, lossWork, peaksOf, stepOperations, stepWork } from "./work.ts";

test("a step at 512 px takes 378.7 GFLOP of convolutions and 13.7 of style products", () => {
  expect(stepOperations("vgg19", 512) / 1e9).toBeCloseTo(378.7, 1);
  const style = lossWork("vgg19", 512).filter(({ kind }) => kind === "style");
  expect(sum(style.map(({ operations }) => operations)) / 1e9).toBeCloseTo(13.7, 1);
});

test("of the compact networks' layers all but conv1_1 take a quarter and a sixteenth of that", () => {
  const first = 1.81; // conv1_1, both ways
  const rest = stepOperations("vgg19", 512) / 1e9 - first;
  expect(stepOperations("compact", 512) / 1e9).toBeCloseTo(first / 2 + rest / 4, 1);
  expect(stepOperations("compact-small", 512) / 1e9).toBeCloseTo(first / 4 + rest / 16, 1);
});

test("layers reach conv5_1, each block at half the size", () => {
  const layers = convolutionWork("vgg19", 256);
  expect(layers.map(({ name }) => name).at(-1)).toBe("conv5_1");
  expect([...new Set(layers.map(({ side }) => side))]).toEqual([256, 128, 64, 32, 16]);
});

test("L-BFGS reads each history vector twice", () => {
  const values = 3 * 64 ** 2;
  expect(lbfgsWork(64, 10).bytes).toBe(2 * 2 * 10 * values * 4);
});

test.each([
  ["tesla-t4 NVIDIA: 550.54", "NVIDIA T4"],
  ["driver 535.1, NVIDIA A10G", "NVIDIA A10G"],
  ["NVIDIA L4", "NVIDIA L4"],
  ["NVIDIA H100 80GB HBM3", "NVIDIA H100 SXM"],
  ["NVIDIA H100 PCIe", undefined],
  ["NVIDIA L40S", undefined],
  ["llvmpipe: Mesa 25.0.7", undefined],
])("%j is %s", (text, name) => {
  expect(peaksOf(text)?.name).toBe(name);
});

test("the floor is that of docs/performance.md", () => {
  const peaks = peaksOf("NVIDIA T4")!;
  const work = stepWork("vgg19", 512, 30);
  expect(floorMs(peaks, work)).toBeCloseTo(48.48, 1);
  expect(floorMs({ ...peaks, f32: 1e6 }, work)).toBeCloseTo(6.05, 1);
});

test("VGG19 through conv5_1", () => {
  expect(layersOf("vgg19")).toEqual(vgg19.slice(0, 13));
});

test.each([compact, compactSmall])("$name has the layers of the file that ships", async ({ name }) => {
  expect(layersOf(name as "compact")).toEqual((await loadNetwork(name)).layers);
});

test("seeded weights fit the layers", () => {
  const { layers, weights } = seededNetwork("compact-small");
  expect([layers[0]!.outChannels, layers[12]!.outChannels]).toEqual([16, 128]);
  for (const { name, inChannels, outChannels } of layers) {
    expect(weights.get(name)!.weight).toHaveLength(9 * inChannels * outChannels);
    expect(weights.get(name)!.bias).toHaveLength(outChannels);
  }
});

test("a record that tells no network is of VGG19", () => {
  expect(networkOf({})).toBe("vgg19");
  expect(networkOf({ network: "compact" })).toBe("compact");
});
