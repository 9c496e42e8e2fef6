import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { Network } from "../engine/network/types.ts";
import { conv, planes } from "../engine/ops/reference.ts";
import { decodePicture, longSide } from "../pictures/index.ts";
import { generatedLayers, generatedNetwork, rawWeights, thresholds } from "./generated.ts";

const examples = ["astronaut", "auvers", "chelsea", "coffee", "great-wave", "poppies"];

let network: Network;
beforeAll(() => {
  network = generatedNetwork();
});

function sha256(arrays: Iterable<Float32Array>): string {
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of arrays)
    hash.update(Buffer.from(buffer, byteOffset, byteLength));
  return hash.digest("hex");
}

/** The network's conv1_1 on an example picture, before its ReLU: [64][height][width]. */
async function firstResponse(name: string): Promise<Float64Array> {
  const file = new URL(`../examples/${name}.jpg`, import.meta.url).pathname;
  const { width, height, data } = longSide((await decodePicture(file)).picture, 96);
  const { mean, std } = network.preprocessing;
  const plane = width * height;
  const input = planes(3, height, width);
  for (const k of input.data.keys()) {
    const channel = Math.floor(k / plane);
    input.data[k] = (data[k]! - mean[channel]!) / std[channel]!;
  }
  const { weight, bias } = network.weights.get("conv1_1")!;
  return conv(input, weight, bias).data;
}

function moments(values: readonly Float64Array[]): { mean: number; deviation: number } {
  const count = values.reduce((sum, part) => sum + part.length, 0);
  const total = (f: (value: number) => number) =>
    values.reduce((sum, part) => sum + part.reduce((partial, value) => partial + f(value), 0), 0);
  const mean = total((value) => value) / count;
  return { mean, deviation: Math.sqrt(total((value) => (value - mean) ** 2) / count) };
}

describe("the generated network", () => {
  it("has the weights that were pinned", () => {
    expect(sha256([...network.weights.values()].flatMap(({ weight, bias }) => [weight, bias]))).toBe(
      "f5fc5a93c07650689b4d5afefe53523ac7d412af8b257995827941993f4a2273",
    );
  });

  it("has VGG19's layers from conv1_1 to conv5_1 in VGG19's shapes", () => {
    expect([...network.weights.keys()]).toEqual(generatedLayers.map(({ name }) => name));
    expect(generatedLayers.at(-1)!.name).toBe("conv5_1");
    for (const { name, inChannels, outChannels } of generatedLayers) {
      const { weight, bias } = network.weights.get(name)!;
      expect(weight).toHaveLength(outChannels * inChannels * 9);
      expect(bias).toHaveLength(outChannels);
    }
  });

  it("has finite weights, no two channels of a layer alike", () => {
    for (const { weight, bias } of network.weights.values()) {
      expect(weight.every(Number.isFinite) && bias.every(Number.isFinite)).toBe(true);
      const size = weight.length / bias.length;
      const channels = Array.from(bias, (_, o) => weight.subarray(o * size, o * size + 9).join());
      expect(new Set(channels).size).toBe(bias.length);
    }
  });

  it("says what it is and names only layers it has in its defaults", () => {
    expect(network.name).toBe("generated network");
    const { contentLayers, styleLayers } = network.defaults;
    for (const layer of Object.keys({ ...contentLayers, ...styleLayers })) {
      expect([...network.weights.keys()]).toContain(layer.replace("relu", "conv"));
    }
  });

  it("draws kernels whose mean varies more than their slopes, and those more than their curvatures", () => {
    const raw = rawWeights(generatedLayers[1]!);
    const variance = [0, 0, 0];
    for (let k = 0; k < raw.length; k += 9) {
      const rows = [0, 3, 6].map((y) => raw[k + y]! + raw[k + y + 1]! + raw[k + y + 2]!);
      const [a, b, c] = rows as [number, number, number];
      variance[0]! += (a + b + c) ** 2 / 3;
      variance[1]! += (a - c) ** 2 / 2;
      variance[2]! += (a - 2 * b + c) ** 2 / 6;
    }
    // Relative to the mean, the slope's variance is 2/3 (3/4)^2 and the curvature's 6/3 (1/4)^2.
    expect(variance[1]! / variance[0]!).toBeCloseTo(0.375, 1);
    expect(variance[2]! / variance[0]!).toBeCloseTo(0.125, 1);
  });

  it("every channel of conv1_1 responds to the examples with its threshold's mean and deviation 1", async () => {
    const responses = await Promise.all(examples.map(firstResponse));
    for (const [channel, threshold] of thresholds(generatedLayers[0]!).entries()) {
      const { mean, deviation } = moments(
        responses.map((all) => all.subarray((channel * all.length) / 64, ((channel + 1) * all.length) / 64)),
      );
      // The numbers were found at 181 pixels and the pictures have 96 here, which takes some of the finest detail.
      expect(Math.abs(mean - threshold)).toBeLessThan(0.1);
      expect(Math.abs(deviation - 1)).toBeLessThan(0.2);
    }
  });
});
