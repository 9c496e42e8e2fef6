/** A file whose channels are multiples of nothing, through the loader and whole runs, on all kernels. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dryRun } from "../engine/dry-run.ts";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import type { Iterate } from "../engine/iterate.ts";
import type { Network } from "../engine/network/types.ts";
import { openContext } from "../engine/node.ts";
import { stylize } from "../engine/stylize.ts";
import type { Tensor } from "../weights/formats/safetensors.ts";
import { loadNetwork } from "../weights/load.ts";
import { torchvisionIndex } from "../weights/naming.ts";
import { encodeSafetensors, uneven } from "../weights/testing/tensors.ts";
import { hashed, seededPicture } from "./seeded-network.ts";

let folder: string;
let network: Network;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-uneven-"));
  const tensors = new Map<string, Tensor>();
  for (const layer of uneven) {
    const { index, inChannels, outChannels } = layer;
    const name = `slice${index + 1}.${torchvisionIndex(layer)}`;
    const bound = Math.sqrt(6 / (9 * inChannels));
    const data = hashed(index, 9 * inChannels * outChannels).map((value) => (2 * value - 1) * bound);
    tensors.set(`${name}.weight`, { shape: [outChannels, inChannels, 3, 3], data });
    tensors.set(`${name}.bias`, { shape: [outChannels], data: hashed(50 + index, outChannels) });
  }
  const path = join(folder, "uneven.safetensors");
  await writeFile(path, encodeSafetensors(tensors));
  network = await loadNetwork(path);
});
afterAll(() => rm(folder, { recursive: true }));

const content = seededPicture(1, 40, 37);
const styles = [seededPicture(11, 40, 33)];

/** The losses of the first step, by the first kernels that found them. */
let expected: readonly number[] | undefined;

it.each<[KernelFamilyName, "f32" | "f16", number]>([
  ["cpu", "f32", 0],
  ["gpu", "f32", 1e-4],
  ["gpu", "f16", 1e-2],
])(
  "a network of uneven widths paints, and a dry run counts what it takes: %s kernels in %s",
  { timeout: 240_000 },
  async (family, precision, tolerance) => {
    using context = await openContext({ family, giveWay: true });
    const sizes = { size: 40, minSize: 40, steps: 2, init: "noise" } as const;
    const options = { context, network, content, styles, ...sizes, precision };
    const counted = await dryRun(options);
    const iterates: Iterate[] = [];
    const { picture } = await stylize({ ...options, onIterate: (iterate) => void iterates.push(iterate) });
    expect(counted.peakBytes).toBe(context.peakBytes);
    const { weightsBytes, mapsBytes, optimizerBytes, copiesBytes } = counted.scales[0]!;
    const bytes = weightsBytes + mapsBytes + optimizerBytes + copiesBytes;
    expect(iterates.map(({ gpuBytes }) => gpuBytes)).toEqual([bytes, bytes]);
    expect(picture.data.every(Number.isFinite)).toBe(true);
    expect(iterates[1]!.loss).toBeLessThan(iterates[0]!.loss);

    const losses = [iterates[0]!.content, ...Object.values(iterates[0]!.style)].map(Number);
    expect(losses).toHaveLength(6);
    for (const [i, loss] of losses.entries()) {
      expect(loss).toBeGreaterThan(0);
      expect(Math.abs(loss / (expected ?? losses)[i]! - 1), `${i}`).toBeLessThanOrEqual(tolerance);
    }
    expected ??= losses;
  },
);
