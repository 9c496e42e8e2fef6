import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import { kernelsOf, partsOf } from "./dry-run.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Kernel } from "./gpu/kernel.ts";
import { checkJob, type StylizeOptions } from "./job.ts";
import { openContext } from "./node.ts";
import { candidateKernels } from "./ops/gpu/tune.ts";

const job = {
  network: seededNetwork(),
  content: seededPicture(1, 40, 48),
  styles: [seededPicture(11, 40, 33)],
  size: 90,
  minSize: 45,
} as const;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe.each(["cpu", "gpu"] as const)("the parts of a dry run on the %s family", (family) => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openContext({ backend: "null", family });
  });
  afterAll(() => context[Symbol.dispose]());

  const jobOf = (options: Partial<StylizeOptions> = {}) => checkJob({ ...job, context, ...options });
  const texts = (kernels: readonly Kernel[]) => kernels.map(({ code }) => code);

  test("goes through the loading of the network and every scale, and names each kernel once", async () => {
    const parts = await collect(partsOf(jobOf()));
    expect(parts.map(({ scale }) => scale?.width)).toEqual([undefined, 45, 64, 90]);
    const all = texts(parts.flatMap(({ kernels }) => kernels));
    expect(new Set(all).size).toBe(all.length);
    expect(parts[1]!.kernels.length).toBeGreaterThan(20);
    expect(context.kernels).toEqual([]);
    expect(context.peakBytes).toBe(0);
  });

  test.each([
    [{ scale: 0, step: 3 }, [45, 64, 90], [27, 30, 60]],
    [{ scale: 0, step: 30 }, [64, 90], [30, 60]],
    [{ scale: 2, step: 59 }, [90], [1]],
    [{ scale: 2, step: 60 }, [], []],
  ])("of a run resumed at %o goes through what is left", async (at, widths, steps) => {
    const [width, height] = [
      [45, 38],
      [64, 53],
      [90, 75],
    ][at.scale]!;
    const resume = { ...at, picture: seededPicture(1, height!, width!) };
    const [, ...scales] = await collect(partsOf(jobOf({ resume })));
    expect(scales.map(({ scale }) => scale!.width)).toEqual(widths);
    expect(scales.map(({ scale }) => scale!.steps)).toEqual(steps);
    const groups = await collect(kernelsOf(jobOf({ resume })));
    expect(groups.map(texts)).toEqual(scales.map(({ kernels }) => texts(kernels)));
  });

  // Dawn prints what its compiler has to say on standard output.
  test("meets no kernel of which the compiler has anything to say", async () => {
    const runs: Partial<StylizeOptions>[] = [{}, { optimizer: "adam", pooling: "max", precision: "f32" }];
    if (context.device.features.has("shader-f16") && family === "gpu")
      runs.push({ precision: "f16", pooling: "max" });
    const kernels = family === "gpu" ? [...candidateKernels(context)] : [];
    for (const options of runs) {
      for (const part of await collect(partsOf(jobOf(options)))) kernels.push(...part.kernels);
    }
    for (const code of new Set(texts(kernels))) {
      const info = await context.device.createShaderModule({ code }).getCompilationInfo();
      expect(info.messages.map(({ message }) => message)).toEqual([]);
    }
  });
});
