import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openContext, readShader } from "../node.ts";
import { GpuContext } from "./context.ts";
import { precisionOn, toHalves } from "./precision.ts";

describe("toHalves", () => {
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [1 + 2 ** -11, 0x3c00], // ties go to even
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [2 ** -14, 0x0400],
    [2 ** -14 - 2 ** -26, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1.5 * 2 ** -24, 0x0002],
    [-(2 ** -40), 0x8000],
    [65504, 0x7bff],
    [65520, 0x7bff],
    [-1e30, 0xfbff],
  ])("rounds %d", (value, half) => {
    expect([...toHalves(Float32Array.of(value))]).toEqual([half]);
  });

  it("finds every half again, and the nearest of two", () => {
    const halves = Array.from({ length: 0x7bff }, (_, half) => half);
    const value = (half: number) => {
      const exponent = half >> 10;
      const mantissa = half & 0x3ff;
      return exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25);
    };
    const between = (part: number) =>
      Float32Array.from(halves, (h) => value(h) + part * (value(h + 1) - value(h)));
    expect([...toHalves(between(0))]).toEqual(halves);
    expect([...toHalves(between(0.49))]).toEqual(halves);
    expect([...toHalves(between(0.51))]).toEqual(halves.map((half) => half + 1));
  });
});

describe("precisionOn", () => {
  let software: GpuContext;
  let gpu: GpuContext;
  beforeAll(async () => {
    software = await openContext({ family: "gpu" });
    const info = { vendor: "a maker", architecture: "", device: "", description: "a GPU" } as GPUAdapterInfo;
    gpu = new GpuContext(software.device, info, readShader);
  });
  afterAll(() => software[Symbol.dispose]());

  it("is f16 by itself on a GPU alone", () => {
    expect(precisionOn(gpu, "auto")).toBe("f16");
    expect(precisionOn(software, "auto")).toBe("f32");
  });

  it("is what is asked for", () => {
    expect(precisionOn(gpu, "f32")).toBe("f32");
    expect(precisionOn(software, "f16")).toBe("f16");
  });

  it("refuses f16 where there are no kernels for it", async () => {
    using cpu = await openContext({ family: "cpu" });
    expect(precisionOn(cpu, "auto")).toBe("f32");
    expect(() => precisionOn(cpu, "f16")).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: expect.stringMatching(
          /^Expected .* computes with f16 but .* f32 kernels only; choose --precision/,
        ),
      }),
    );
  });
});
