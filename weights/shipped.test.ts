import { readFile, stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { loadNetwork, networkFile } from "./load.ts";
import { readShipped } from "./read-network.ts";
import { compact, compactSmall, shippedNetworks } from "./shipped.ts";

describe.each(shippedNetworks)("$name", (shipped) => {
  it("is what its file holds", async () => {
    const { path } = await networkFile(shipped.name, {});
    expect((await stat(path)).size).toBe(shipped.size);
    const { name, layers, weights, defaults } = await loadNetwork(shipped.name);
    expect({ name, layers, defaults }).toEqual({
      name: shipped.name,
      layers: shipped.layers,
      defaults: shipped.defaults,
    });
    expect([...weights.keys()]).toEqual(layers.map((layer) => layer.name));
  });

  it("takes no other preprocessing than its own", async () => {
    await expect(loadNetwork(shipped.name, { preprocessing: "caffe" })).rejects.toMatchObject({
      code: "bad-option",
      message: `Expected no preprocessing for '${shipped.name}', which has its own.`,
    });
  });
});

describe("readShipped", () => {
  it.each([
    ["with another bit", (bytes: Buffer<ArrayBuffer>) => bytes.with(-9, bytes.at(-9)! ^ 1)],
    ["that is cut short", (bytes: Buffer<ArrayBuffer>) => bytes.subarray(0, -1)],
    ["that is empty", (bytes: Buffer<ArrayBuffer>) => bytes.subarray(0, 0)],
  ])("refuses a file %s", async (_, change) => {
    const { path } = await networkFile(compactSmall.name, {});
    const blob = new Blob([change(await readFile(path))]);
    await expect(readShipped(compactSmall, blob, "x/y", "get another")).rejects.toMatchObject({
      code: "bad-weights",
      message:
        "Expected the network 'compact-small' in 'x/y' as it was shipped but the file is damaged; get another.",
    });
  });

  it("refuses another that ships", async () => {
    const { path } = await networkFile(compact.name, {});
    const blob = new Blob([await readFile(path)]);
    await expect(readShipped(compactSmall, blob, path, "get another")).rejects.toThrow("the file is damaged");
  });
});
