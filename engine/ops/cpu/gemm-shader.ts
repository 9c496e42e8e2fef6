/**
 * The matrix product that everything on llvmpipe runs through: y[z] (+)= W[z] x[z] for a batch of z.
 *
 * W[z] is `rows` x `depth` a tile, x[z] is [depth][columns], y[z] is [rows][columns]. Winograd convolutions use z = 36 transform
 * positions and columns = 4x4 pixel tiles; Gram products use z = chunks of pixels and columns = channels; (G - A) F uses z = 1.
 */
import { lines, loadFlat, opaqueZero, range } from "./text.ts";

export interface GemmTile {
  /** Rows of y that an invocation computes: 4, 32 or 64. */
  readonly rows: number;
  /** Length of the sums in one dispatch: 4, 64 or 128. */
  readonly depth: number;
  /** Add to y what is there already: for the second and further dispatches along the sums. */
  readonly accumulate: boolean;
  /** Invocations a workgroup, which is columns a workgroup. */
  readonly workgroup: number;
}

/** Sums held in registers at a time. */
const SUMS = 16;

/**
 * One workgroup: `workgroup` columns, `rows` rows of y. It stages its tile of W ([rows/16][depth][16], or [1][depth][rows] when rows < 16)
 * in workgroup memory, then multiplies with literal indices only.
 *
 * Arrays of vec4f: wt is flat [z][row tile][chunk][tile]; x is flat [z][params.depth4][params.columns], y [z][params.rows4][params.columns],
 * where a texel holds four consecutive rows. The grid is (columns / workgroup, row tiles, z).
 */
export function gemmShader({ rows, depth, accumulate, workgroup }: GemmTile): string {
  const sums = Math.min(rows, SUMS);
  const tile = (rows * depth) / 4;
  const blocks = range(rows / sums).map((block) => gemmBlock(block, sums, depth, accumulate));
  return `struct Params { zero: u32, columns: u32, depth4: u32, rows4: u32, chunk: u32, chunks: u32 }
@group(0) @binding(0) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var wt: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;
var<workgroup> w: array<vec4f, ${tile}>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
let wb = ((g.z * n.y + g.y) * params.chunks + params.chunk) * ${tile}u;
let column = g.x * ${workgroup}u + l;
let xb = (g.z * params.depth4 + params.chunk * ${depth / 4}u) * params.columns + column;
let yb = (g.z * params.rows4 + g.y * ${rows / 4}u) * params.columns + column;
for (var i = l; i < ${tile}u; i += ${workgroup}u) { w[i] = ${loadFlat("wt", "wb + i")}; }
workgroupBarrier();
${lines(depth / 4, (k) => `let x${k} = ${loadFlat("x", `xb + ${k}u * params.columns`)};`)}
${blocks.join("\n")}
}`;
}

/** `sums` rows of y: all products, then the stores. */
function gemmBlock(block: number, sums: number, depth: number, accumulate: boolean): string {
  const name = (i: number) => `s${block * sums + i}`;
  const products = range(depth).map((k) =>
    range(sums)
      .map((i) => {
        const weight = (block * depth + k) * sums + i;
        return `${name(i)} += w[${weight >> 2}u][${weight & 3}] * x${k >> 2}.${"xyzw"[k & 3]};`;
      })
      .join(" "),
  );
  const stores = range(sums / 4).map((i) => {
    const index = `yi${block} + ${(block * sums) / 4 + i}u * params.columns`;
    const value = `vec4f(${[0, 1, 2, 3].map((j) => name(4 * i + j)).join(", ")})`;
    return `y[${index}] = ${value}${accumulate ? ` + y[${index}]` : ""};`;
  });
  return [
    ...range(sums).map((i) => `var ${name(i)} = 0f;`),
    ...products,
    `let yi${block} = yb + ${opaqueZero(range(sums).map(name))};`,
    ...stores,
  ].join("\n");
}
