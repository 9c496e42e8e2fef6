// y = finish(W * x): SIDE x SIDE convolution (3: zero padding 1; 1: a matrix product) as an implicit matrix product.
//   x: [in_channels/4][height][width] Texel (lib/map_buffer.wgsl); y: [out_channels/4][height][width] Output
//   (lib/output_*.wgsl)
//   weights: [SIDE * SIDE][in_channels][out_channels] in fours (lib/weights_*.wgsl). Channels are multiples of 32.
// finish() and keep_signs() come from lib/finish_forward.wgsl, finish_masked.wgsl, finish_added.wgsl or
// finish_plain.wgsl. Backward to the input is the same convolution with flipped, transposed weights.
//
// In a grid of several layers with SIDE 1 it is as many products at once, one for each position, which is
// workgroup_id.z: x and y are then [channels/4][positions][width] with height 1, weights
// [positions][in_channels][out_channels]. With SPLITS above 1 each layer sums over its share of the input channels
// instead, and y is [channels/4][SPLITS][height * width], for conv2d_split_sum.wgsl. A large map takes several
// dispatches, each from a tile of pixels on: `first_tile`.
//
// One workgroup: CHANNELS channels of PIXELS pixels, counted row after row over the whole map. One invocation: 4 *
// TEXELS channels of RUN pixels that are LANES apart. The sum runs over blocks of 16 input channels and, inside, over
// the taps, so that the taps find their pixels in the cache. While a block is multiplied the next one is fetched; with
// two STAGES in workgroup memory it takes one barrier a block instead of two. Neighbours read neighbouring pixels and
// the same weights, so workgroup memory needs no padding. Products and the sums of a block are of Operand
// (lib/operand_f32.wgsl or lib/operand_f16.wgsl); halves are summed up to f32 block after block. Sizes
// (engine/ops/gpu/variants.ts): CHANNELS a multiple of 32, INVOCATIONS = CHANNELS / (4 * TEXELS) * LANES a multiple of
// PIXELS.
//
// Reference: conv, dConv in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/convolution.ts. Test: engine/ops/gpu/variants.test.ts.
struct Params {
  height: u32,
  width: u32,
  pitch: u32,  // width
  rows: u32,   // height, or positions
  y_pitch: u32,  // width
  in_channels: u32,
  out_channels: u32,
  first_tile: u32,
  mask_tiles: u32,
}

const TAPS = SIDE * SIDE;
const DEPTH = 16u;  // input channels of a block
const LANES = PIXELS / RUN;
const INVOCATIONS = CHANNELS / (4u * TEXELS) * LANES;
const COLUMNS = CHANNELS / 4u;
const WEIGHT_LOADS = DEPTH * COLUMNS / INVOCATIONS;
const PIXEL_LOADS = DEPTH / 4u * PIXELS / INVOCATIONS;
const PIXEL_LOAD_STEP = INVOCATIONS / PIXELS;  // groups of four channels from one load of an invocation to the next
const WEIGHTS = DEPTH * COLUMNS;          // of a stage
const TEXELS_IN = DEPTH / 4u * PIXELS;
const SUMS = TEXELS * RUN;
const WORDS = select(1u, CHANNELS / 32u * PIXELS, KEEPS_SIGNS);

@group(0) @binding(0) var<storage, read> x: array<Texel>;
@group(0) @binding(1) var<storage, read> weights: array<Weights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;          // forward
@group(0) @binding(3) var<storage, read_write> new_mask: array<u32>;  // forward
@group(0) @binding(4) var<storage, read> mask: array<u32>;            // masked, added
@group(0) @binding(5) var<storage, read_write> y: array<Output>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> weight_tile: array<vec4<Operand>, STAGES * WEIGHTS>;   // [STAGES][DEPTH][COLUMNS]
var<workgroup> pixel_tile: array<vec4<Operand>, STAGES * TEXELS_IN>;  // [STAGES][DEPTH / 4][PIXELS]
var<workgroup> words: array<atomic<u32>, WORDS>;                      // [CHANNELS / 32][PIXELS]: signs

// The texel that tap `tap` of the output at (row, column) reads; zero outside the map, where unsigned coordinates wrap
// around.
fn tap_at(c4: u32, position: u32, row: u32, column: u32, tap: u32) -> vec4<Operand> {
  let r = row + tap / SIDE - SIDE / 2u;
  let c = column + tap % SIDE - SIDE / 2u;
  if (r < params.height && c < params.width) {
    return vec4<Operand>(stored_at(c4, r + position, c));
  }
  return vec4<Operand>();
}

// sum + w * pixel: four output channels (rows of w) of one pixel, four input channels. Written out so that each product
// is fused with the sum.
fn multiply_add(sum: vec4<Operand>, w: mat4x4<Operand>, pixel: vec4<Operand>) -> vec4<Operand> {
  return sum + w[0] * pixel.x + w[1] * pixel.y + w[2] * pixel.z + w[3] * pixel.w;
}

@compute @workgroup_size(INVOCATIONS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let position = select(group.z, 0u, SPLITS > 1u);
  let tile_pixel = (params.first_tile + group.x) * PIXELS;  // the first of this workgroup
  let load_pixel = tile_pixel + local % PIXELS;
  let load_row = load_pixel / params.width;
  let load_column = load_pixel % params.width;
  let load_c4 = local / PIXELS;
  let row_stride = params.out_channels / 4u;
  let first_weight = position * params.in_channels * row_stride + group.y * COLUMNS;

  let lane = local % LANES;
  let texel = local / LANES * TEXELS;  // of this invocation's channels, inside the tile
  var sums: array<vec4f, SUMS>;                // of the blocks before this one where products are halves
  var block_sums: array<vec4<Operand>, SUMS>;

  var tap = 0u;
  var c4 = select(0u, group.z * (params.in_channels / (4u * SPLITS)), SPLITS > 1u);  // the block's first, in fours
  var next_weights: array<vec4<Operand>, WEIGHT_LOADS>;
  var next_pixels: array<vec4<Operand>, PIXEL_LOADS>;
  let blocks = TAPS * params.in_channels / (DEPTH * SPLITS);
  for (var block = 0u; block <= blocks; block++) {
    let stage = block % STAGES;
    if (block > 0u) {
      if (STAGES == 1u) {
        workgroupBarrier();
      }
      /* unroll */ for (var i = 0u; i < WEIGHT_LOADS; i++) {
        weight_tile[stage * WEIGHTS + i * INVOCATIONS + local] = next_weights[i];
      }
      /* unroll */ for (var i = 0u; i < PIXEL_LOADS; i++) {
        pixel_tile[stage * TEXELS_IN + i * INVOCATIONS + local] = next_pixels[i];
      }
      workgroupBarrier();
    }
    if (block < blocks) {
      let base = first_weight + (tap * params.in_channels + 4u * c4) * row_stride;
      /* unroll */ for (var i = 0u; i < WEIGHT_LOADS; i++) {
        let index = i * INVOCATIONS + local;
        next_weights[i] = vec4<Operand>(weights[base + index / COLUMNS * row_stride + index % COLUMNS]);
      }
      /* unroll */ for (var i = 0u; i < PIXEL_LOADS; i++) {
        next_pixels[i] = tap_at(c4 + load_c4 + i * PIXEL_LOAD_STEP, position, load_row, load_column, tap);
      }
      tap = (tap + 1u) % TAPS;
      c4 += select(0u, DEPTH / 4u, tap == 0u);
    }
    if (block == 0u) {
      continue;
    }
    for (var k4 = 0u; k4 < DEPTH / 4u; k4++) {
      var pixels: array<vec4<Operand>, RUN>;
      /* unroll */ for (var r = 0u; r < RUN; r++) {
        pixels[r] = pixel_tile[stage * TEXELS_IN + PIXELS * k4 + lane + LANES * r];
      }
      /* unroll */ for (var t = 0u; t < TEXELS; t++) {
        let at = stage * WEIGHTS + 4u * COLUMNS * k4 + texel + t;
        let w = mat4x4<Operand>(
          weight_tile[at],
          weight_tile[at + COLUMNS],
          weight_tile[at + 2u * COLUMNS],
          weight_tile[at + 3u * COLUMNS],
        );
        /* unroll */ for (var r = 0u; r < RUN; r++) {
          block_sums[t * RUN + r] = multiply_add(block_sums[t * RUN + r], w, pixels[r]);
        }
      }
    }
    if (IS_HALF) {
      /* unroll */ for (var i = 0u; i < SUMS; i++) {
        sums[i] += vec4f(block_sums[i]);
        block_sums[i] = vec4<Operand>();
      }
    }
  }

  let size = params.height * params.width;
  /* unroll */ for (var r = 0u; r < RUN; r++) {
    let in_tile = lane + LANES * r;
    let p = tile_pixel + in_tile;
    if (p < size) {
      /* unroll */ for (var t = 0u; t < TEXELS; t++) {
        let out4 = group.y * COLUMNS + texel + t;
        let value = finish(out4, p, select(vec4f(block_sums[t * RUN + r]), sums[t * RUN + r], IS_HALF));
        y[(out4 * groups.z + group.z) * size + p] = to_output(value);
        if (KEEPS_SIGNS) {
          atomicOr(&words[(texel + t) / 8u * PIXELS + in_tile], signs(out4, value));
        }
      }
    }
  }
  if (KEEPS_SIGNS) {
    workgroupBarrier();
    for (var i = local; i < WORDS; i += INVOCATIONS) {
      let p = tile_pixel + i % PIXELS;
      if (p < size) {
        keep_signs(group.y * (CHANNELS / 32u) + i / PIXELS, p, atomicLoad(&words[i]));
      }
    }
  }
}
