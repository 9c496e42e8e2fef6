import { expect, it } from "vitest";
import { vgg19 } from "../network/layers.ts";
import { gradientScale, type ScaledTerm } from "./gradient-scale.ts";

const style: ScaledTerm = { kind: "style", layer: vgg19[4]!, weight: 0.5, norm: 200 };
const content: ScaledTerm = { kind: "content", layer: vgg19[9]!, weight: 0.1, norm: 3e4 };
const size = { width: 128, height: 96 };

it("is a power of two that makes up for pixels and weights", () => {
  const scale = gradientScale([style], size);
  expect(Number.isInteger(Math.log2(scale))).toBe(true);
  expect(gradientScale([{ ...style, weight: 2 ** 9 }], size)).toBe(scale / 2 ** 10);
  expect(gradientScale([style], { width: 256, height: 192 })).toBe(4 * scale);
});

it("goes by the largest gradient", () => {
  const both = gradientScale([style, content], size);
  expect(both).toBe(Math.min(gradientScale([style], size), gradientScale([content], size)));
  expect(gradientScale([style, { ...content, weight: 1e-9 }], size)).toBe(gradientScale([style], size));
});

it("is 1 where a target has nothing to go by", () => {
  expect(gradientScale([{ ...style, norm: 0 }], size)).toBe(1);
});
