import { describe, expect, it, onTestFinished, vi } from "vitest";
import { create } from "webgpu";
import { findAdapter, largestSize } from "./browser.ts";

/** Those that every adapter has, if nothing more is known of it. */
const limits = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16_384,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
};

describe("largestSize", () => {
  it.each([
    ["what one buffer holds", {}, 1024, 724],
    ["no more than is wanted", {}, 256, 256],
    ["nothing where buffers are too small", { maxBufferSize: 2 ** 20 }, 1024, undefined],
    ["nothing where kernels don't fit", { maxComputeInvocationsPerWorkgroup: 128 }, 1024, undefined],
  ])("is %s", (_, changes, max, size) => {
    expect(largestSize({ ...limits, ...changes } as GPUSupportedLimits, max)).toBe(size);
  });
});

describe("findAdapter", () => {
  it("finds none where there is no navigator", async () => {
    vi.stubGlobal("navigator", undefined);
    onTestFinished(() => void vi.unstubAllGlobals());
    expect(await findAdapter()).toBeUndefined();
  });

  /** WebGPU on the null backend, whose WGSL has `features`. */
  async function adapterWith(features: readonly string[]) {
    const gpu = create(["backend=null"]);
    const wgslLanguageFeatures = new Set(features);
    vi.stubGlobal("navigator", {
      gpu: { wgslLanguageFeatures, requestAdapter: () => gpu.requestAdapter() },
    });
    onTestFinished(() => void vi.unstubAllGlobals());
    return findAdapter();
  }

  it("finds one only where WGSL has every feature that kernels are written with", async () => {
    expect(await adapterWith(["pointer_composite_access"])).toBeUndefined();
    expect(await adapterWith([])).toBeUndefined();
    expect(await adapterWith(["readonly_and_readwrite_storage_textures"])).toMatchObject({ name: /null/i });
  });
});
