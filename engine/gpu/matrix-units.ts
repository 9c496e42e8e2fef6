/** What an adapter tells of its matrix units, through Dawn's experimental extension of WebGPU. */

/** The device's feature; its configurations are in the adapter's info. */
export const matrixFeature = "chromium-experimental-subgroup-matrix";

/** Products of m x k by k x n that a subgroup does at once, with f32 sums. */
export interface MatrixConfig {
  readonly operand: "f16" | "f32";
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Invocations of a subgroup. */
  readonly subgroup: number;
}

/** As Dawn lists them. */
interface ListedConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/**
 * The configurations with f16 or f32 operands and f32 sums that `features` allow.
 *
 * None where the size of a subgroup varies: kernels divide their work by it.
 */
export function matrixConfigs(info: GPUAdapterInfo, features: ReadonlySet<string>): readonly MatrixConfig[] {
  const { subgroupMinSize: subgroup, subgroupMaxSize } = info;
  if (!features.has(matrixFeature) || !subgroup || subgroup !== subgroupMaxSize) return [];
  const { subgroupMatrixConfigs: listed = [] } = info as { subgroupMatrixConfigs?: Iterable<ListedConfig> };
  return [...listed].flatMap(({ componentType, resultComponentType, M, N, K }): MatrixConfig[] => {
    const operand = componentType === "f16" ? "f16" : "f32";
    const isUsable = componentType === "f32" || (componentType === "f16" && features.has("shader-f16"));
    return isUsable && resultComponentType === "f32" ? [{ operand, m: M, n: N, k: K, subgroup }] : [];
  });
}

/**
 * The first lines of a shader that uses matrix units. Their calls are made by whole subgroups, which Tint can't always
 * prove.
 */
export function matrixDirectives(operand: MatrixConfig["operand"]): readonly string[] {
  return [
    ...(operand === "f16" ? ["enable f16;"] : []),
    "enable subgroups;",
    "enable chromium_experimental_subgroup_matrix;",
    "diagnostic(off, chromium.subgroup_matrix_uniformity);",
  ];
}
