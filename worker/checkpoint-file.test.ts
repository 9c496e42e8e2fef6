import { describe, expect, it } from "vitest";
import type { ConvName } from "../engine/network/layers.ts";
import type { ConvWeights } from "../engine/network/types.ts";
import { quarter, seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import { decodeCheckpoint, digestOf, encodeCheckpoint, type RunIdentity } from "./checkpoint-file.ts";

const checkpoint = { scale: 1, step: 7, picture: seededPicture(3, 35, 41) };
const run: RunIdentity = {
  content: "a",
  style: "b",
  settings: { size: 41, steps: 9 },
  scales: [{ width: 41, height: 35, steps: 9 }],
  network: seededNetwork(quarter),
};
const digest = digestOf(run);

/** The same, with another bias. */
function otherWeights() {
  const [name, { weight, bias }]: [ConvName, ConvWeights] = [...run.network.weights][0]!;
  return new Map(run.network.weights).set(name, { weight, bias: bias.map((value) => value + 1) });
}

describe("a checkpoint", () => {
  it("comes back from its bytes as it was, wherever they lie in memory", () => {
    const bytes = encodeCheckpoint(checkpoint, digest);
    for (const offset of [0, 1, 2, 3]) {
      const memory = Buffer.alloc(bytes.length + 3);
      memory.set(bytes, offset);
      expect(decodeCheckpoint(memory.subarray(offset, offset + bytes.length), digest)).toEqual(checkpoint);
    }
  });

  it.each<[string, Partial<RunIdentity>]>([
    ["content", { content: "c" }],
    ["style", { style: "c" }],
    ["settings", { settings: { ...run.settings, contentWeight: 1 } }],
    ["pyramid", { scales: [] }],
    ["network", { network: { ...run.network, name: "another" } }],
    ["network of the same name", { network: { ...run.network, weights: otherWeights() } }],
  ])("is refused for another %s", (_, other) => {
    const bytes = encodeCheckpoint(checkpoint, digest);
    expect(decodeCheckpoint(bytes, digestOf({ ...run, ...other }))).toBeUndefined();
  });

  it.each<[string, (bytes: Buffer) => Uint8Array]>([
    ["empty", () => new Uint8Array()],
    ["cut short", (bytes) => bytes.subarray(0, -1)],
    ["longer", (bytes) => Buffer.concat([bytes, Buffer.alloc(4)])],
    ["no checkpoint", () => Buffer.from("{}\n")],
    ["not JSON", (bytes) => Buffer.concat([Buffer.from("x"), bytes])],
    [
      "of another version",
      (bytes) => Buffer.from(bytes.toString("latin1").replace('Checkpoint":1', 'Checkpoint":2'), "latin1"),
    ],
  ])("is refused when it is %s", (_, damage) => {
    expect(
      decodeCheckpoint(damage(Buffer.from(encodeCheckpoint(checkpoint, digest))), digest),
    ).toBeUndefined();
  });
});
