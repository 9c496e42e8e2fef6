/**
 * Winograd's F(4x4, 3x3) around the matrix product: transforms of 6x6 input tiles and of 6x6 products into 4x4 outputs.
 *
 * Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), with the points of
 * shaders/lib/winograd4.wgsl, which tells where the constants come from: 0, +-sqrt(1/2), +-sqrt(2) and infinity have a
 * third of the rounding error of 0, +-1, +-2 and infinity. y = A^T [sum over channels of (G w G^T) * (B^T d B)] A; G w
 * G^T is in shaders/winograd_weights.wgsl.
 */
import { maskBits, type OutputMode, signsOf } from "./finish.ts";
import { BLOCK_COLUMNS, lines, loadFlat, opaqueZero, range } from "./text.ts";

/** Transform positions: 6 x 6. */
export const POSITIONS = 36;

const NEAR = Math.SQRT1_2;
const FAR = Math.SQRT2;

/** One-dimensional B^T: six names in, six names out, with shared subexpressions. */
function inputTransform(v: readonly string[], out: readonly string[]): string {
  const [v0, v1, v2, v3, v4, v5] = v;
  const [o0, o1, o2, o3, o4, o5] = out;
  return `let ${o0} = ${v0} - 2.5 * ${v2} + ${v4}; let ${o5} = ${v1} - 2.5 * ${v3} + ${v5};
let p${o0} = ${v4} - 2.0 * ${v2}; let q${o0} = ${NEAR} * (${v3} - 2.0 * ${v1});
let r${o0} = ${v4} - 0.5 * ${v2}; let t${o0} = ${FAR} * (${v3} - 0.5 * ${v1});
let ${o1} = p${o0} + q${o0}; let ${o2} = p${o0} - q${o0};
let ${o3} = r${o0} + t${o0}; let ${o4} = r${o0} - t${o0};`;
}

/** One-dimensional A^T: six names in, four names out. */
function outputTransform(v: readonly string[], out: readonly string[]): string {
  const [v0, v1, v2, v3, v4, v5] = v;
  const [o0, o1, o2, o3] = out;
  return `let p${o0} = ${v1} + ${v2}; let q${o0} = ${NEAR} * (${v1} - ${v2});
let r${o0} = ${v3} + ${v4}; let t${o0} = ${FAR} * (${v3} - ${v4});
let ${o0} = ${v0} + p${o0} + r${o0}; let ${o1} = q${o0} + t${o0};
let ${o2} = 0.5 * p${o0} + 2.0 * r${o0}; let ${o3} = 0.5 * q${o0} + 2.0 * t${o0} + ${v5};`;
}

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
  const columns = range(6).map((c) => {
    const loads = range(6).map((r) => `let d${r}${c} = textureLoad(x, vec2u(x${c}, y${r}), c4);`);
    return [
      ...loads,
      inputTransform(
        range(6).map((r) => `d${r}${c}`),
        range(6).map((r) => `e${r}${c}`),
      ),
    ].join("\n");
  });
  const picked = range(6).map((c) => `let f${c} = pick(r, ${range(6).map((r) => `e${r}${c}`)});`);
  const row = inputTransform(
    range(6).map((c) => `f${c}`),
    range(6).map((c) => `v${c}`),
  );
  const stores = range(6).map((c) => `v[o + (6u * r + ${c}u) * params.stride] = v${c};`);
  return `struct Params { ${locateParams}, far: u32, step: u32 }
@group(0) @binding(0) var x: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;
fn pick(i: u32, ${range(6).map((i) => `v${i}: vec4f`)}) -> vec4f {
  return select(select(select(v0, v1, i == 1u), select(v2, v3, i == 3u), i >= 2u), select(v4, v5, i == 5u), i >= 4u);
}
${main}
${locate}
${lines(6, (i) => `let x${i} = 4u * tx + params.far + ${i}u * params.step;`)}
${lines(6, (i) => `let y${i} = 4u * ty + params.far + ${i}u * params.step;`)}
${columns.join("\n")}
${place}
for (var r = params.zero; r < 6u; r++) {
${[...picked, row, ...stores].join("\n")}
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
  const columns = range(6).map((c) => {
    const loads = range(6).map((r) => `let m${r}${c} = ${load(6 * r + c)};`);
    return [
      ...loads,
      outputTransform(
        range(6).map((r) => `m${r}${c}`),
        range(4).map((r) => `e${r}${c}`),
      ),
    ].join("\n");
  });
  const rows = range(4).map((r) =>
    outputTransform(
      range(6).map((c) => `e${r}${c}`),
      range(4).map((c) => `a${r}${c}`),
    ),
  );
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
${columns.join("\n")}
${rows.join("\n")}
${finish(mode)}
}`;
}

/** Text from the 16 outputs a00 .. a33 to their stores. */
function finish(mode: OutputMode): string {
  const pixels = range(16).map((i) => ({
    r: i >> 2,
    c: i & 3,
    a: mode === "forward" ? `a${i >> 2}${i & 3}` : `a${3 - (i >> 2)}${3 - (i & 3)}`,
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
