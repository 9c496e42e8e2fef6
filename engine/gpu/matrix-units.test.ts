import { expect, it } from "vitest";
import { matrixConfigs, matrixFeature, subgroupSizeFeature } from "./matrix-units.ts";

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
  { operand: "f16", m: 16, n: 8, k: 16, subgroup: 32, isAsked: false },
  { operand: "f32", m: 8, n: 4, k: 8, subgroup: 32, isAsked: false },
];

it("takes the configurations with floating operands and f32 sums", () => {
  expect(matrixConfigs(info, new Set([matrixFeature, "shader-f16"]))).toEqual([half, single]);
});

it("leaves out half precision where shaders have none", () => {
  expect(matrixConfigs(info, new Set([matrixFeature]))).toEqual([single]);
});

it("finds one for each size of subgroups that kernels can ask for", () => {
  const varying = { ...info, subgroupMinSize: 8 } as GPUAdapterInfo;
  const found = matrixConfigs(varying, new Set([matrixFeature, "shader-f16", subgroupSizeFeature]));
  const sizes = [8, 16, 32].map((subgroup) => ({ subgroup, isAsked: true }));
  expect(found).toEqual([half, single].flatMap((config) => sizes.map((size) => ({ ...config, ...size }))));
});

it("finds none without the feature or the list, or where the size of subgroups is the driver's choice", () => {
  const features = new Set([matrixFeature, "shader-f16"]);
  expect(matrixConfigs(info, new Set(["shader-f16"]))).toEqual([]);
  expect(matrixConfigs({ ...info, subgroupMinSize: 8 } as GPUAdapterInfo, features)).toEqual([]);
  const { subgroupMatrixConfigs: _, ...bare } = info as unknown as Record<string, unknown>;
  expect(matrixConfigs(bare as unknown as GPUAdapterInfo, features)).toEqual([]);
});
