/** What an adapter tells of its matrix units, through Dawn's experimental extension of WebGPU. */

/** The device's feature; its configurations are in the adapter's info. */
export const matrixFeature = "chromium-experimental-subgroup-matrix";

/** With it, kernels may ask for a size of subgroups where those of an adapter vary. */
export const subgroupSizeFeature = "subgroup-size-control";

/** Products of m x k by k x n that a subgroup does at once, with f32 sums. */
export interface MatrixConfig {
  readonly operand: "f16" | "f32";
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Invocations of a subgroup. */
  readonly subgroup: number;
  /** Whether kernels have to ask for subgroups of that size, since those of the adapter vary. */
  readonly isAsked: boolean;
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
 * Kernels divide their work by the size of a subgroup. Where that varies, there is one of each size that kernels can
 * ask for, and none where they can't.
 */
export function matrixConfigs(info: GPUAdapterInfo, features: ReadonlySet<string>): readonly MatrixConfig[] {
  const { subgroupMinSize: least, subgroupMaxSize: most } = info;
  const isAsked = least !== most;
  if (!features.has(matrixFeature) || !least || !most || (isAsked && !features.has(subgroupSizeFeature)))
    return [];
  const { subgroupMatrixConfigs: listed = [] } = info as { subgroupMatrixConfigs?: Iterable<ListedConfig> };
  const sizes = Array.from({ length: Math.log2(most / least) + 1 }, (_, i) => least * 2 ** i);
  return [...listed].flatMap(({ componentType, resultComponentType, M, N, K }): MatrixConfig[] => {
    const operand = componentType === "f16" ? "f16" : "f32";
    const isKnown = componentType === "f32" || (componentType === "f16" && features.has("shader-f16"));
    if (!isKnown || resultComponentType !== "f32") return [];
    return sizes.map((subgroup) => ({ operand, m: M, n: N, k: K, subgroup, isAsked }));
  });
}

/**
 * The first lines of a shader that uses matrix units. Their calls are made by whole subgroups, which Tint can't always
 * prove.
 */
export function matrixDirectives({ operand }: MatrixConfig): readonly string[] {
  return [
    ...(operand === "f16" ? ["enable f16;"] : []),
    "enable subgroups;",
    "enable chromium_experimental_subgroup_matrix;",
    "diagnostic(off, chromium.subgroup_matrix_uniformity);",
  ];
}
