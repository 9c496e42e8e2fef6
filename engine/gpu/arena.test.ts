import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import { openContext } from "../node.ts";
import type { GpuContext } from "./context.ts";

const MIB = 2 ** 20;
let context: GpuContext;

beforeAll(async () => {
  context = await openContext({ giveWay: true });
});
afterAll(() => context[Symbol.dispose]());

/**
 * MiB that the process shares with others: where Mesa's software driver keeps a device's memory. Undefined elsewhere.
 */
function deviceMiB(): number | undefined {
  try {
    const kib = /^RssShmem:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return kib === undefined ? undefined : Number(kib) / 1024;
  } catch {
    return undefined;
  }
}

/** The same; skips the test where it says nothing of the device. */
function softwareMiB({ skip }: TestContext): number {
  const now = deviceMiB();
  if (now === undefined || !context.isSoftware)
    return skip("memory is not what Mesa's software driver shares");
  return now;
}

/** MiB of the device's memory that are mapped, written or not. */
function mappedMiB(): number {
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  const sizes = lines
    .filter((line) => line.includes("/memfd:"))
    .map((line) => {
      const [from, to] = line
        .split(" ")[0]!
        .split("-")
        .map((address) => Number.parseInt(address, 16));
      return to! - from!;
    });
  return sizes.reduce((a, b) => a + b, 0) / MIB;
}

/** Allocates 64 MiB in `arena` and has them written. */
async function fill(arena: { buffer(label: string, bytes: number): GPUBuffer }): Promise<void> {
  const buffer = arena.buffer("large", 64 * MIB);
  const encoder = context.device.createCommandEncoder();
  encoder.clearBuffer(buffer);
  context.device.queue.submit([encoder.finish()]);
  await context.until(context.device.queue.onSubmittedWorkDone());
}

test("an arena that is disposed of and waited for has given back its memory", async (t) => {
  const before = softwareMiB(t);
  for (let i = 0; i < 3; i++) {
    await using arena = context.arena("test");
    await fill(arena);
    expect(deviceMiB()).toBeGreaterThan(before + 60);
    expect(deviceMiB()).toBeLessThan(before + 80);
  }
  expect(deviceMiB()).toBeLessThan(before + 16);
  expect(context.liveBytes).toBe(0);
});

test("a lost device keeps no arena from its end", async () => {
  const lost = await openContext();
  const arena = lost.arena("test");
  arena.buffer("small", 16);
  lost.device.destroy();
  await expect(arena[Symbol.asyncDispose]()).resolves.toBeUndefined();
  expect(lost.liveBytes).toBe(0);
});

test("a texture that is written in part takes no buffer of its size", async (t) => {
  softwareMiB(t);
  await using arena = context.arena("test");
  const source = arena.buffer("texels", 256);
  const texture = arena.texture("large", 2048, 2048);
  const encoder = context.device.createCommandEncoder();
  encoder.copyBufferToTexture({ buffer: source, bytesPerRow: 256 }, { texture }, [16, 1]);
  const allocated = mappedMiB();
  context.device.queue.submit([encoder.finish()]);
  expect(mappedMiB()).toBeLessThan(allocated + 32);
});
