import { expect, test } from "vitest";
import { vgg19 } from "../engine/network/layers.ts";
import { loadNetwork } from "../weights/index.ts";
import { compact, compactSmall } from "../weights/shipped.ts";
import { layersOf, networkOf } from "./networks.ts";
import { seededNetwork } from "./problem.ts";

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
