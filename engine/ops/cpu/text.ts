/**
 * Helpers that write WGSL for llvmpipe, the software Vulkan driver: the one family whose shaders are generated.
 *
 * llvmpipe runs one invocation per SIMD lane. What its compiler (LLVM) makes fast, measured per scalar for eight lanes:
 * storage-texture loads (8 cycles) against buffer loads (20 and more); literal indices into workgroup memory outside
 * loops and branches, which become free broadcasts. Hence straight-line text with everything unrolled, reads through
 * textures, writes to buffers.
 */

/** Width in texels of the textures that hold flat arrays: texel i is at (i % 2048, i / 2048). */
export const FLAT_WIDTH = 2048;

/**
 * Columns of a matrix that stand together where invocations next to each other go through its rows: see `inBlocks` in
 * layout.ts.
 */
export const BLOCK_COLUMNS = 16;

export const range = (n: number): number[] => [...Array(n).keys()];

/** Joins the lines that `make` writes for 0 .. n-1. */
export const lines = (n: number, make: (i: number) => string): string => range(n).map(make).join("\n");

/** `textureLoad` of flat texel `index` (a WGSL expression used twice) from texture `name`. */
export function loadFlat(name: string, index: string): string {
  return `textureLoad(${name}, vec2u((${index}) & ${FLAT_WIDTH - 1}u, (${index}) >> ${Math.log2(FLAT_WIDTH)}u))`;
}

/**
 * Zero at run time, which LLVM cannot know: depends on all `values` (names of f32) and on the uniform `params.zero`.
 *
 * Added to the index of a store it makes all sums finish before the first store; otherwise LLVM moves each sum into the
 * branch that stores it, lane by lane, and spills.
 */
export function opaqueZero(values: readonly string[]): string {
  return `(bitcast<u32>(${values.join(" + ")}) & params.zero)`;
}
