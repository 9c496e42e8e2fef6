/**
 * Winograd's F(4x4, 3x3) around the matrix product: transforms of 6x6 input tiles and of 6x6 products into 4x4 outputs.
 *
 * Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015): y = A^T [sum over channels of (G w G^T) *
 * (B^T d B)] A. The one-dimensional transforms are those of shaders/lib/winograd4.wgsl, which tells where their
 * constants come from: the points 0, +-sqrt(1/2), +-sqrt(2) and infinity have a third of the rounding error of 0, +-1,
 * +-2 and infinity. G w G^T is in shaders/winograd_weights.wgsl.
 *
 * Reference: conv, dConv in engine/ops/reference.ts.
 * Recorder: engine/ops/cpu/convolution.ts. Test: engine/ops/conv2d.test.ts.
 */
import { maskBits, type OutputMode, signsOf } from "./finish.ts";
import { BLOCK_COLUMNS, lines, loadFlat, opaqueZero, range } from "./text.ts";

/** Transform positions: 6 x 6. */
export const POSITIONS = 36;

/** Files of shaders/lib/ that both shaders call. */
export const winogradLibs = ["fast_divide", "winograd4"] as const;

/** A call of a transform of shaders/lib/winograd4.wgsl: six expressions in, an array of six or four out. */
const transform = (direction: "input" | "output", values: readonly string[]): string =>
  `transform_${direction}(array(${values.join(", ")}))`;

/**
 * From invocation index to channel group c4, tile within the band t, and the tile's place (tx, ty). Surplus invocations
 * and tiles repeat the last one: they store the same values to the same places.
 */
const locate = `let id = min(g.x * 64u + l, params.last);
let c4 = fast_divide(id, params.inverse_columns);
let t = id - c4 * params.columns;
let tile = min(params.first_tile + t, params.last_tile);
let ty = fast_divide(tile, params.inverse_tiles_x);
let tx = tile - ty * params.tiles_x;`;

const locateParams = `zero: u32, last: u32, columns: u32, inverse_columns: f32,
first_tile: u32, last_tile: u32, tiles_x: u32, inverse_tiles_x: f32, stride: u32, block: u32`;

/** The first position's texel of channel group c4 and tile t; see `inBlocks` in layout.ts. */
const place = `let o = t / ${BLOCK_COLUMNS}u * params.block + c4 * ${BLOCK_COLUMNS}u + t % ${BLOCK_COLUMNS}u;`;

const main = `@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_index) l: u32) {`;

/**
 * x, a 2D array texture with a border of one, layer = c4 -> v: [36][columns/16][channels/4][16] vec4f, columns = tiles
 * of the band, padded. One invocation: one tile of four channels, turned round by `far` and `step` (0 and 1, or 5 and
 * -1). Its rows go through a loop that neither Mesa nor LLVM can unroll, for they don't know that `params.zero` is 0:
 * with 36 stores in a row, which are taken apart lane by lane, LLVM takes five times as long.
 */
export function inputTransformShader(): string {
  const texel = (r: number, c: number) => `textureLoad(x, vec2u(x${c}, y${r}), c4)`;
  const column = (c: number) => range(6).map((r) => texel(r, c));
  const row = range(6).map((c) => `pick(r, e${c})`);
  return `struct Params { ${locateParams}, far: u32, step: u32 }
@group(0) @binding(0) var x: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;
fn pick(i: u32, e: array<vec4f, INPUTS>) -> vec4f {
  let low = select(select(e[0], e[1], i == 1u), select(e[2], e[3], i == 3u), i >= 2u);
  return select(low, select(e[4], e[5], i == 5u), i >= 4u);
}
${main}
${locate}
${lines(6, (i) => `let x${i} = 4u * tx + params.far + ${i}u * params.step;`)}
${lines(6, (i) => `let y${i} = 4u * ty + params.far + ${i}u * params.step;`)}
${lines(6, (c) => `let e${c} = ${transform("input", column(c))};`)}
${place}
for (var r = params.zero; r < 6u; r++) {
let row = ${transform("input", row)};
${lines(6, (c) => `v[o + (6u * r + ${c}u) * params.stride] = row[${c}];`)}
}
}`;
}

/**
 * m: flat texture [36][columns/16][channels/4][16] -> y: [channels/4][rows][pitch] vec4f, zero outside height x width.
 * One invocation: one 4x4 tile of four channels. mask: [channels/4][tiles] of vec2u, bit 16 * row + 4 * column +
 * channel, rows 0 and 1 in the low word.
 */
export function outputTransformShader(mode: OutputMode): string {
  const load = (i: number) => loadFlat("m", `o + ${i}u * params.stride`);
  const column = (c: number) => range(6).map((r) => load(6 * r + c));
  const row = (r: number) => range(6).map((c) => `e${c}[${r}]`);
  const usesMask = mode === "masked" || mode === "masked-add";
  return `struct Params { ${locateParams}, rows: u32, pitch: u32, height: u32, width: u32, mask_tiles: u32 }
@group(0) @binding(0) var m: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;
${mode === "forward" ? "@group(0) @binding(3) var<storage, read> bias: array<vec4f>;" : ""}
${mode === "forward" ? "@group(0) @binding(4) var<storage, read_write> mask: array<vec2u>;" : ""}
${usesMask ? "@group(0) @binding(3) var<storage, read> mask: array<vec2u>;" : ""}
${mode === "masked-add" ? "@group(0) @binding(4) var d: texture_storage_2d<rgba32float, read>;" : ""}
${main}
${locate}
${place}
let x0 = 4u * tx;
let y0 = 4u * ty;
let yo = (c4 * params.rows + y0) * params.pitch + x0;
let bits = c4 * params.mask_tiles + tile;
${lines(6, (c) => `let e${c} = ${transform("output", column(c))};`)}
${lines(4, (r) => `let a${r} = ${transform("output", row(r))};`)}
${finish(mode)}
}`;
}

/** Text from the 16 outputs, rows a0 .. a3 of four, to their stores. */
function finish(mode: OutputMode): string {
  const pixels = range(16).map((i) => ({
    r: i >> 2,
    c: i & 3,
    a: mode === "forward" ? `a${i >> 2}[${i & 3}]` : `a${3 - (i >> 2)}[${3 - (i & 3)}]`,
    y: `y${i >> 2}${i & 3}`,
  }));
  const inside = (r: number, c: number) => `x0 + ${c}u < params.width && y0 + ${r}u < params.height`;
  const at = (r: number, c: number) => `yo + ${r}u * params.pitch + ${c}u`;
  const value = (r: number, c: number, a: string): string => {
    if (mode === "plain") return `select(vec4f(0), ${a}, ${inside(r, c)})`;
    if (mode === "forward") return `select(vec4f(0), max(${a} + b, vec4f(0)), ${inside(r, c)})`;
    const sum = mode === "masked-add" ? `${a} + ${loadFlat("d", at(r, c))}` : a;
    return `select(vec4f(0), ${sum}, (vec4u(signs.${r < 2 ? "x" : "y"}) & ${maskBits(r, c)}) != vec4u(0))`;
  };
  const prologue =
    mode === "forward" ? "let b = bias[c4];" : mode === "plain" ? "" : "let signs = mask[bits];";
  const stores = pixels.map(({ r, c, y }) => `y[zero + ${at(r, c)}] = ${y};`);
  const word = (half: number) => {
    const parts = pixels.filter(({ r }) => r >> 1 === half);
    return `let w${half} = ${signsOf(parts.map(({ r, c, y }) => ({ r, c, value: y })))};`;
  };
  const signs = `${word(0)}\n${word(1)}
mask[bits] = vec2u(w0.x | w0.y | w0.z | w0.w, w1.x | w1.y | w1.z | w1.w);`;
  return [
    prologue,
    ...pixels.map(({ r, c, a, y }) => `let ${y} = ${value(r, c, a)};`),
    `let zero = ${opaqueZero(pixels.map(({ y }) => `${y}.x`))};`,
    ...stores,
    ...(mode === "forward" ? [signs] : []),
  ].join("\n");
}
