// The first convolution, of a picture, fused with preprocessing: y = finish(W * n), n_c = (image[order_c] - mean_c) /
// std_c inside the picture and zero outside it. finish() and keep_signs(): lib/finish_forward.wgsl.
//   image: [3][height][width] f32, sRGB in [0,1]; weights: [9][3][channels] f32; y: [channels/4][height][width] Texel
//   (lib/texel_*.wgsl)
// Bound by memory: the picture is read through the cache, weights once a workgroup, and each store is of neighbouring
// texels. One workgroup: CHANNELS channels (32 or 64) of 128 pixels; one invocation: 32 channels, a word of the mask,
// of the pixels p and p + 64. The grid's z counts through the channels.
//
// Reference: preprocess, conv in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/convolution.ts. Test: engine/ops/conv2d.test.ts.
struct Params {
  height: u32,
  width: u32,
  channels: u32,  // a multiple of CHANNELS
  mask_tiles: u32,
  order0: u32,
  order1: u32,
  order2: u32,
  mean0: f32,
  mean1: f32,
  mean2: f32,
  std0: f32,
  std1: f32,
  std2: f32,
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> new_mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<Texel>;
@group(0) @binding(5) var<uniform> params: Params;

const COLUMNS = CHANNELS / 4u;
const INVOCATIONS = 2u * CHANNELS;

var<workgroup> weight_tile: array<vec4f, 27u * COLUMNS>;  // [9][3][COLUMNS]

// The network's input at flat pixel i.
fn input_at(i: u32) -> vec3f {
  let plane = params.height * params.width;
  let rgb = vec3f(
    image[params.order0 * plane + i],
    image[params.order1 * plane + i],
    image[params.order2 * plane + i],
  );
  let mean = vec3f(params.mean0, params.mean1, params.mean2);
  let deviation = vec3f(params.std0, params.std1, params.std2);
  return (rgb - mean) / deviation;
}

// n around flat pixel p: the 3x3 window row by row, zero outside the picture.
fn window(p: u32) -> array<vec3f, 9> {
  let row = p / params.width;
  let column = p % params.width;
  var values: array<vec3f, 9>;
  /* unroll */ for (var tap = 0u; tap < 9u; tap++) {
    let r = row + tap / 3u - 1u;
    let c = column + tap % 3u - 1u;  // unsigned: what is left of the picture is also right of it
    values[tap] = vec3f();
    if (r < params.height && c < params.width) {
      values[tap] = input_at(r * params.width + c);
    }
  }
  return values;
}

@compute @workgroup_size(INVOCATIONS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first_c4 = group.z * COLUMNS;
  for (var i = local; i < 27u * COLUMNS; i += INVOCATIONS) {
    weight_tile[i] = weights[i / COLUMNS * (params.channels / 4u) + first_c4 + i % COLUMNS];
  }
  let pixels = params.height * params.width;
  let first = linear_index(group, groups, local & 63u, 128u);
  let second = first + 64u;
  let c32 = local >> 6u;  // inside the tile
  let window0 = window(min(first, pixels - 1u));
  let window1 = window(min(second, pixels - 1u));
  workgroupBarrier();
  var word0 = 0u;
  var word1 = 0u;
  for (var i4 = 8u * c32; i4 < 8u * c32 + 8u; i4++) {
    let c4 = first_c4 + i4;
    var sum0 = vec4f();
    var sum1 = vec4f();
    /* unroll */ for (var tap = 0u; tap < 9u; tap++) {
      let w = mat3x4f(
        weight_tile[3u * COLUMNS * tap + i4],
        weight_tile[3u * COLUMNS * tap + i4 + COLUMNS],
        weight_tile[3u * COLUMNS * tap + i4 + 2u * COLUMNS],
      );
      sum0 += w * window0[tap];
      sum1 += w * window1[tap];
    }
    sum0 = finish(c4, first, sum0);
    sum1 = finish(c4, second, sum1);
    if (first < pixels) {
      y[c4 * pixels + first] = to_texel(sum0);
    }
    if (second < pixels) {
      y[c4 * pixels + second] = to_texel(sum1);
    }
    word0 |= signs(c4, sum0);
    word1 |= signs(c4, sum1);
  }
  if (first < pixels) {
    keep_signs(first_c4 / 8u + c32, first, word0);
  }
  if (second < pixels) {
    keep_signs(first_c4 / 8u + c32, second, word1);
  }
}
