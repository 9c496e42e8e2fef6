import { describe, expect, it } from "vitest";
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

it("finds no adapter where there is no navigator", async () => {
  expect(await findAdapter()).toBeUndefined();
});
