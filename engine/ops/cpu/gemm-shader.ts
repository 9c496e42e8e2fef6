/**
 * The matrix product that everything on llvmpipe runs through: y[z] (+)= W[z] x[z] for a batch of z.
 *
 * W[z] is `rows` x `depth` a tile, x[z] is [depth][columns], y[z] is [rows][columns]. Winograd convolutions use z = 36
 * transform positions and columns = 4x4 pixel tiles; Gram products use z = chunks of pixels and columns = channels; (G
 * - A) F uses z = 1.
 *
 * Reference: conv, gram in engine/ops/reference.ts.
 * Recorder: engine/ops/cpu/convolution.ts. Test: engine/ops/conv2d.test.ts.
 */
import { BLOCK_COLUMNS, lines, loadFlat, opaqueZero, range } from "./text.ts";

export interface GemmTile {
  /** Rows of y that an invocation computes: 4, 32 or 64. */
  readonly rows: number;
  /** Length of the sums in one dispatch: 4 to 256. With 32 rows that fills workgroup memory. */
  readonly depth: number;
  /** Invocations a workgroup, which is columns a workgroup. */
  readonly workgroup: number;
  /** Whether it can add to what is in y; where it can't, llvmpipe's compiler is spared up to two thirds of its work. */
  readonly adds: boolean;
}

/** Sums held in registers at a time: as many as hide the time of an addition, and half of AVX2's registers. */
const SUMS = 8;

/** The longest sums of one dispatch: longer ones take several, which add up. */
export const MOST_DEPTH = 256;

/** Rows of a tile whose weights stand together: [rows/block][depth][block]. */
export const blockRows = (rows: number): number => Math.min(rows, SUMS);

/**
 * One workgroup: `workgroup` columns, `rows` rows of y. It stages its tile of W as [rows/8][depth][8] ([1][depth][rows]
 * when rows < 8) in workgroup memory, 4 rows by 4 depths at a time, then multiplies with literal indices only. Four
 * sums share a statement: the driver takes them apart again, but reads a fifth of the text.
 *
 * Arrays of vec4f: texels of x and y hold four consecutive rows of a column, and stand where the `x_` and `y_` strides
 * say (`MatrixLayout`). 4x4 of W are four consecutive texels, each four rows of one depth, or four depths of one row if
 * `turned`; where they stand is up to the `w_` strides, and invocations next to each other stage what stands together.
 * Sums begin with what is in y if `accumulate`, which only tiles have that can: for the second and further dispatches
 * along the sums. The grid is (columns / workgroup, row tiles, z), from column `first_column` on.
 */
export function gemmShader({ rows, depth, workgroup, adds }: GemmTile): string {
  const quads = blockRows(rows) / 4;
  const tile = (rows * depth) / 4;
  const blocks = range(rows / blockRows(rows)).map((block) => gemmBlock(block, quads, depth, adds));
  return `struct Params {
zero: u32, first_column: u32, x_first: u32, x_batch: u32, x_block: u32, x_quad: u32,
y_first: u32, y_batch: u32, y_block: u32, y_quad: u32,
w_first: u32, w_batch: u32, w_tile: u32, w_quad: u32, w_depth: u32, turned: u32${adds ? ", accumulate: u32" : ""}
}
@group(0) @binding(0) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var wt: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;
var<workgroup> w: array<vec4f, ${tile}>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_index) l: u32) {
let wb = params.w_first + g.z * params.w_batch + g.y * params.w_tile;
let column = params.first_column + g.x * ${workgroup}u + l;
let block = column / ${BLOCK_COLUMNS}u;
let place = column % ${BLOCK_COLUMNS}u;
let xb = params.x_first + g.z * params.x_batch + block * params.x_block + place;
let yb = params.y_first + g.z * params.y_batch + block * params.y_block + place + g.y * ${rows / 4}u * params.y_quad;
let turned = params.turned == 1u;
${adds ? "let accumulate = params.accumulate == 1u;" : ""}
for (var i = l; i < ${tile / 4}u; i += ${workgroup}u) {
let quad = select(i / ${depth / 4}u, i % ${rows / 4}u, turned);
let k4 = select(i % ${depth / 4}u, i / ${rows / 4}u, turned);
let wi = wb + quad * params.w_quad + k4 * params.w_depth;
${lines(4, (j) => `let t${j} = ${loadFlat("wt", `wi + ${j}u`)};`)}
let o = (quad / ${quads}u * ${depth}u + 4u * k4) * ${quads}u + quad % ${quads}u;
${lines(4, (j) => `w[o + ${j * quads}u] = select(t${j}, vec4f(${range(4).map((i) => `t${i}.${"xyzw"[j]}`)}), turned);`)}
}
workgroupBarrier();
${lines(depth / 4, (k) => `let x${k} = ${loadFlat("x", `xb + ${k}u * params.x_quad`)};`)}
${blocks.join("\n")}
}`;
}

/** 4 * `quads` rows of y: what they have already if it `adds`, all products, then the stores. */
function gemmBlock(block: number, quads: number, depth: number, adds: boolean): string {
  const sums = range(quads).map((i) => `s${block * quads + i}`);
  const place = (i: number) => `${block * quads + i}u * params.y_quad`;
  const products = range(depth).map((k) =>
    sums
      .map((sum, i) => `${sum} += w[${(block * depth + k) * quads + i}u] * x${k >> 2}.${"xyzw"[k & 3]};`)
      .join(" "),
  );
  return [
    ...sums.map((sum) => `var ${sum} = vec4f();`),
    ...(adds ? ["if (accumulate) {", ...sums.map((sum, i) => `${sum} = y[yb + ${place(i)}];`), "}"] : []),
    ...products,
    `let all${block} = ${sums.join(" + ")};`,
    `let yi${block} = yb + ${opaqueZero([..."xyzw"].map((c) => `all${block}.${c}`))};`,
    ...sums.map((sum, i) => `y[yi${block} + ${place(i)}] = ${sum};`),
  ].join("\n");
}
