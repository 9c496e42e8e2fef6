// y = finish(W * x): SIDE x SIDE convolution (3: zero padding 1; 1: a matrix product) as an implicit matrix product in f32.
//   x: [in_channels/4][height][width] vec4f (lib/map_buffer.wgsl); y: [out_channels/4][height][width] vec4f
//   weights: [SIDE * SIDE][in_channels][out_channels] f32. Channels are multiples of 64.
// finish() and keep_signs() come from lib/conv_forward.wgsl, lib/conv_masked.wgsl or lib/conv_plain.wgsl. Backward to the input is the
// same convolution with flipped, transposed weights.
//
// One workgroup: 64 channels of 128 pixels, counted row after row over the whole map, in 12 KiB of workgroup memory. One invocation: 8
// channels of the 4 pixels p, p + 32, p + 64, p + 96. The sum runs over blocks of 16 input channels and, inside, over the taps, so that
// the taps find their pixels in the cache. While a block is multiplied the next one is fetched.
struct Params {
  height: u32,
  width: u32,
  pitch: u32,  // width
  rows: u32,   // height
  y_pitch: u32,  // width
  in_channels: u32,
  out_channels: u32,
  mask_tiles: u32,
}

const TAPS = SIDE * SIDE;

@group(0) @binding(3) var<storage, read> weights: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> weight_tile: array<vec4f, 256>;  // [16 input channels][64 / 4 output channels]
var<workgroup> pixel_tile: array<vec4f, 512>;   // [16 / 4 input channels][128 pixels]

// The texel that tap `tap` of the output at (row, column) reads; zero outside the map, where unsigned coordinates wrap around.
fn tap_at(c4: u32, row: u32, column: u32, tap: u32) -> vec4f {
  let r = row + tap / SIDE - SIDE / 2u;
  let c = column + tap % SIDE - SIDE / 2u;
  if (r < params.height && c < params.width) {
    return map_at(c4, r, c);
  }
  return vec4f();
}

// sum + w * pixel: four output channels (rows of w) of one pixel, four input channels. Written out so that each product is fused with
// the sum.
fn multiply_add(sum: vec4f, w: mat4x4f, pixel: vec4f) -> vec4f {
  return sum + w[0] * pixel.x + w[1] * pixel.y + w[2] * pixel.z + w[3] * pixel.w;
}

// Stores a texel and gives its signs.
fn store(c4: u32, p: u32, sum: vec4f) -> u32 {
  if (p >= params.height * params.width) {
    return 0u;
  }
  let value = finish(c4, p, sum);
  y[c4 * params.height * params.width + p] = value;
  return signs(value);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let load_pixel = group.x * 128u + (local & 127u);
  let load_row = load_pixel / params.width;
  let load_column = load_pixel % params.width;
  let load_c4 = local >> 7u;
  let row_stride = params.out_channels / 4u;
  let load_weight = (local >> 4u) * row_stride + group.y * 16u + (local & 15u);

  let lane = local & 31u;
  let pair = local >> 5u;  // of groups of four output channels
  var lo0 = vec4f();
  var lo1 = vec4f();
  var lo2 = vec4f();
  var lo3 = vec4f();
  var hi0 = vec4f();
  var hi1 = vec4f();
  var hi2 = vec4f();
  var hi3 = vec4f();

  var tap = 0u;
  var c4 = 0u;  // first input channel of the block, in fours
  var next_weight = weights[load_weight];
  var next_pixel0 = tap_at(load_c4, load_row, load_column, 0u);
  var next_pixel1 = tap_at(load_c4 + 2u, load_row, load_column, 0u);
  let blocks = TAPS * params.in_channels / 16u;
  for (var block = 1u; block <= blocks; block++) {
    workgroupBarrier();
    weight_tile[local] = next_weight;
    pixel_tile[local] = next_pixel0;
    pixel_tile[local + 256u] = next_pixel1;
    workgroupBarrier();
    if (block < blocks) {
      tap = (tap + 1u) % TAPS;
      c4 += select(0u, 4u, tap == 0u);
      next_weight = weights[(tap * params.in_channels + 4u * c4) * row_stride + load_weight];
      next_pixel0 = tap_at(c4 + load_c4, load_row, load_column, tap);
      next_pixel1 = tap_at(c4 + load_c4 + 2u, load_row, load_column, tap);
    }
    for (var k4 = 0u; k4 < 4u; k4++) {
      let w = 64u * k4 + 2u * pair;
      let lo = mat4x4f(weight_tile[w], weight_tile[w + 16u], weight_tile[w + 32u], weight_tile[w + 48u]);
      let hi = mat4x4f(weight_tile[w + 1u], weight_tile[w + 17u], weight_tile[w + 33u], weight_tile[w + 49u]);
      let pixel0 = pixel_tile[128u * k4 + lane];
      let pixel1 = pixel_tile[128u * k4 + lane + 32u];
      let pixel2 = pixel_tile[128u * k4 + lane + 64u];
      let pixel3 = pixel_tile[128u * k4 + lane + 96u];
      lo0 = multiply_add(lo0, lo, pixel0);
      lo1 = multiply_add(lo1, lo, pixel1);
      lo2 = multiply_add(lo2, lo, pixel2);
      lo3 = multiply_add(lo3, lo, pixel3);
      hi0 = multiply_add(hi0, hi, pixel0);
      hi1 = multiply_add(hi1, hi, pixel1);
      hi2 = multiply_add(hi2, hi, pixel2);
      hi3 = multiply_add(hi3, hi, pixel3);
    }
  }

  let out4 = group.y * 16u + 2u * pair;
  let p = group.x * 128u + lane;
  let low = store(out4, p, lo0) | (store(out4, p + 32u, lo1) << 4u)
    | (store(out4, p + 64u, lo2) << 8u) | (store(out4, p + 96u, lo3) << 12u);
  let high = store(out4 + 1u, p, hi0) | (store(out4 + 1u, p + 32u, hi1) << 4u)
    | (store(out4 + 1u, p + 64u, hi2) << 8u) | (store(out4 + 1u, p + 96u, hi3) << 12u);
  keep_signs(out4, p, low | (high << 16u));
}
