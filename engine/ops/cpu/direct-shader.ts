/**
 * A 3x3 convolution by direct sums, for layers so narrow that Winograd's transforms take longer than the products that
 * they save.
 *
 * Blocks of 4x2 pixels, half of a 4x4 tile of the mask, and up to eight outputs an invocation: inputs are read once for
 * all of these.
 *
 * Reference: conv, dConv in engine/ops/reference.ts.
 * Recorder: engine/ops/cpu/direct.ts. Test: engine/ops/conv2d.test.ts.
 */

import { maskBits, signsOf } from "./finish.ts";
import { lines, loadFlat, opaqueZero, range } from "./text.ts";

/** Invocations of a workgroup. */
export const DIRECT_WORKGROUP = 64;

/** Outputs of an invocation: of a picture's four, no more than these. */
export const directOutputs = (channels: number): number => Math.min(8, channels);

/** Inputs that one dispatch sums up, and those of a picture. */
export const DIRECT_DEPTH = 16;
export const PICTURE_DEPTH = 3;

export const TAPS = 9;

/** Pixels of a block. */
const [COLUMNS, ROWS] = [4, 2];

/**
 * What happens to sums, as `OutputMode` has it; `plain` where later dispatches add to them, too. All in one kernel,
 * since each more takes seconds to compile.
 */
export const directModes = { plain: 0, forward: 1, masked: 2, "masked-add": 3 } as const;

export interface DirectTile {
  /** Inputs that are summed up: 3, or a multiple of 4. */
  readonly depth: number;
  /** Outputs of an invocation: 4 or 8. */
  readonly outputs: number;
}

/**
 * x, a 2D array texture with a border of one, `depth` channels from layer `x_first` on -> y: [channels/4][rows][pitch]
 * vec4f, zero outside height x width, added to what is there if `accumulate`. wt: flat texture
 * [channels/outputs][chunk][depth][tap][outputs/4], four outputs a texel; `w_first` and `w_step` tell the chunk. Grid:
 * (blocks / 64, channels / outputs). mask as in winograd-shaders.ts, a word for each half of a tile; d: flat texture of
 * y's shape.
 */
export function directShader({ depth, outputs }: DirectTile): string {
  const quads = outputs / 4;
  const tile = depth * TAPS * quads;
  const loads = range(Math.ceil(depth / 4)).flatMap((quad) =>
    range(ROWS + 2).flatMap((r) =>
      range(COLUMNS + 2).map(
        (c) =>
          `let d${quad}${r}${c} = textureLoad(x, vec2u(x0 + ${c}u, y0 + ${r}u), params.x_first + ${quad}u);`,
      ),
    ),
  );
  return `struct Params {
zero: u32, x_first: u32, w_first: u32, w_step: u32, accumulate: u32, mode: u32,
last: u32, blocks_x: u32, inverse_blocks_x: f32, rows: u32, pitch: u32, height: u32, width: u32, mask_tiles: u32
}
@group(0) @binding(0) var x: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(1) var wt: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> mask: array<u32>;
@group(0) @binding(5) var d: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var<uniform> params: Params;
var<workgroup> w: array<vec4f, ${tile}>;
@compute @workgroup_size(${DIRECT_WORKGROUP})
fn main(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_index) l: u32) {
let wb = params.w_first + g.y * params.w_step;
for (var i = l; i < ${tile}u; i += ${DIRECT_WORKGROUP}u) { w[i] = ${loadFlat("wt", "(wb + i)")}; }
workgroupBarrier();
let id = g.x * ${DIRECT_WORKGROUP}u + l;
let block = min(id, params.last);
let by = fast_divide(block, params.inverse_blocks_x);
let bx = block - by * params.blocks_x;
let x0 = ${COLUMNS}u * bx;
let y0 = ${ROWS}u * by;
let accumulate = params.accumulate == 1u;
${loads.join("\n")}
${lines(quads, (quad) => fourOutputs(quad, quads, depth))}
}`;
}

/** Four outputs of all pixels: sums row by row, as many as registers hold, then what becomes of them. */
function fourOutputs(quad: number, quads: number, depth: number): string {
  const pixels = range(ROWS * COLUMNS).map((i) => ({
    r: Math.floor(i / COLUMNS),
    c: i % COLUMNS,
    s: `s${quad}${i}`,
  }));
  const at = (r: number, c: number) => `yo${quad} + ${r}u * params.pitch + ${c}u`;
  const products = range(ROWS).flatMap((row) =>
    range(depth * TAPS).map((k) => {
      const [input, dy, dx] = [Math.floor(k / TAPS), Math.floor((k % TAPS) / 3), k % 3];
      const value = (c: number) => `d${input >> 2}${row + dy}${c + dx}.${"xyzw"[input & 3]}`;
      return pixels
        .filter(({ r }) => r === row)
        .map(({ c, s }) => `${s} += w[${quads * k + quad}u] * ${value(c)};`)
        .join(" ");
    }),
  );
  const each = (text: (pixel: { r: number; c: number; s: string }) => string) => pixels.map(text).join("\n");
  const signs = signsOf(pixels.map(({ r, c, s }) => ({ r, c, value: s })));
  return `let c${quad} = ${quads}u * g.y + ${quad}u;
let yo${quad} = (c${quad} * params.rows + y0) * params.pitch + x0;
${each(({ s }) => `var ${s} = vec4f();`)}
if (accumulate) {
${each(({ r, c, s }) => `${s} = y[${at(r, c)}];`)}
}
${products.join("\n")}
if (id <= params.last) {
let zero = ${opaqueZero(pixels.flatMap(({ s }) => [..."xyzw"].map((i) => `${s}.${i}`)))};
let word = zero + (c${quad} * params.mask_tiles + by / 2u * params.blocks_x + bx) * 2u + by % 2u;
if (params.mode == ${directModes.forward}u) {
let b = bias[c${quad}];
${each(({ s }) => `${s} = max(${s} + b, vec4f());`)}
}
if (params.mode == ${directModes["masked-add"]}u) {
${each(({ r, c, s }) => `${s} += ${loadFlat("d", at(r, c))};`)}
}
${each(({ r, c, s }) => `${s} = select(vec4f(), ${s}, x0 + ${c}u < params.width && y0 + ${r}u < params.height);`)}
if (params.mode >= ${directModes.masked}u) {
let signs = mask[word];
${each(({ r, c, s }) => `${s} = select(vec4f(), ${s}, (vec4u(signs) & ${maskBits(r, c)}) != vec4u());`)}
}
if (params.mode == ${directModes.forward}u) {
let signs = ${signs};
mask[word] = signs.x | signs.y | signs.z | signs.w;
}
${each(({ r, c, s }) => `y[zero + ${at(r, c)}] = ${s};`)}
}`;
}
