import { describe, expect, it, onTestFinished, vi } from "vitest";
import { create } from "webgpu";
import { findAdapter, isEnough, largestSize } from "./browser.ts";
import { vgg19, vggLayers } from "./network/layers.ts";

/** Those that every adapter has, if nothing more is known of it. */
const limits = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16_384,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
};

const adapterLimits = (changes = {}) => ({ ...limits, ...changes }) as GPUSupportedLimits;

/** VGG19 with so many times its channels. */
const wide = (factor: number) =>
  vggLayers([
    [64 * factor, 64 * factor],
    [128 * factor, 128 * factor],
  ]);

describe("largestSize", () => {
  it.each([
    ["what one buffer holds of VGG19's first map", vgg19, {}, 1024, 724],
    ["more with half its channels", wide(1 / 2), {}, 2048, 1024],
    ["no more with a quarter, of which maps have as many", wide(1 / 4), {}, 2048, 1024],
    ["less with twice as many", wide(2), {}, 1024, 512],
    ["what a later map leaves, where that is the largest", vggLayers([[64], [512]]), {}, 1024, 512],
    ["what the smaller limit allows", vgg19, { maxBufferSize: 2 ** 25 }, 1024, 362],
    ["no more than is wanted", vgg19, {}, 256, 256],
  ])("is %s", (_, layers, changes, max, size) => {
    expect(largestSize(adapterLimits(changes), { layers }, max)).toBe(size);
  });
});

describe("isEnough", () => {
  it("is what every adapter has, and no less", () => {
    expect(isEnough(adapterLimits())).toBe(true);
    expect(isEnough(adapterLimits({ maxComputeInvocationsPerWorkgroup: 128 }))).toBe(false);
  });
});

const needed = "readonly_and_readwrite_storage_textures";

describe("findAdapter", () => {
  it("finds none where there is no navigator", async () => {
    vi.stubGlobal("navigator", undefined);
    onTestFinished(() => void vi.unstubAllGlobals());
    expect(await findAdapter()).toBeUndefined();
  });

  /** WebGPU on the null backend, whose WGSL has `features`. */
  async function adapterWith(features: readonly string[], changes?: object) {
    const gpu = create(["backend=null"]);
    const wgslLanguageFeatures = new Set(features);
    const requestAdapter = async () => {
      const adapter = (await gpu.requestAdapter())!;
      return changes ? { info: adapter.info, limits: adapterLimits(changes) } : adapter;
    };
    vi.stubGlobal("navigator", { gpu: { wgslLanguageFeatures, requestAdapter } });
    onTestFinished(() => void vi.unstubAllGlobals());
    return findAdapter();
  }

  it("finds one only where WGSL has every feature that kernels are written with", async () => {
    expect(await adapterWith(["pointer_composite_access"])).toBeUndefined();
    expect(await adapterWith([])).toBeUndefined();
    expect(await adapterWith([needed])).toMatchObject({ name: /null/i });
  });

  it("finds none where kernels or buffers don't fit", async () => {
    expect(await adapterWith([needed], {})).toMatchObject({ name: /null/i });
    expect(await adapterWith([needed], { maxComputeWorkgroupSizeX: 128 })).toBeUndefined();
    expect(await adapterWith([needed], { maxBufferSize: 2 ** 20 })).toBeUndefined();
  });

  it("says how large a picture may be with a network", async () => {
    const found = await adapterWith([needed], {});
    expect(found!.maxSize({ layers: vgg19 })).toBeLessThan(found!.maxSize({ layers: wide(1 / 2) }));
  });
});
