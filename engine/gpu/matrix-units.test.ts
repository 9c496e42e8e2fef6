import { expect, it } from "vitest";
import { matrixConfigs, matrixFeature } from "./matrix-units.ts";

const listed = (componentType: string, resultComponentType: string, side: number) => ({
  componentType,
  resultComponentType,
  M: side,
  N: side / 2,
  K: side,
});
const info = {
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  subgroupMatrixConfigs: [
    listed("f16", "f32", 16),
    listed("f16", "f16", 16),
    listed("f32", "f32", 8),
    listed("i8", "i32", 32),
  ],
} as unknown as GPUAdapterInfo;
const [half, single] = [
  { operand: "f16", m: 16, n: 8, k: 16, subgroup: 32 },
  { operand: "f32", m: 8, n: 4, k: 8, subgroup: 32 },
];

it("takes the configurations with floating operands and f32 sums", () => {
  expect(matrixConfigs(info, new Set([matrixFeature, "shader-f16"]))).toEqual([half, single]);
});

it("leaves out half precision where shaders have none", () => {
  expect(matrixConfigs(info, new Set([matrixFeature]))).toEqual([single]);
});

it("finds none without the feature, the list, or a fixed size of subgroups", () => {
  const features = new Set([matrixFeature, "shader-f16"]);
  expect(matrixConfigs(info, new Set(["shader-f16"]))).toEqual([]);
  expect(
    matrixConfigs({ ...info, subgroupMinSize: 8, subgroupMatrixConfigs: info } as never, features),
  ).toEqual([]);
  const { subgroupMatrixConfigs: _, ...bare } = info as unknown as Record<string, unknown>;
  expect(matrixConfigs(bare as unknown as GPUAdapterInfo, features)).toEqual([]);
});
