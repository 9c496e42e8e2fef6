// The first convolution, 3 to 64 channels, fused with preprocessing: y = finish(W * n), n_c = (image[order_c] - mean_c) / std_c inside
// the picture and zero outside it. finish() and keep_signs(): lib/conv_forward.wgsl.
//   image: [3][height][width] f32, sRGB in [0,1]; weights: [9][3][64] f32; y: [16][height][width] Texel (lib/texel_*.wgsl)
// Bound by memory: the picture is read through the cache, weights once a workgroup, and each store is of neighbouring texels. One
// workgroup: 64 channels of 128 pixels; one invocation: 32 channels, a word of the mask, of the pixels p and p + 64.
struct Params {
  height: u32,
  width: u32,
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
@group(0) @binding(4) var<storage, read_write> y: array<Texel>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> weight_tile: array<vec4f, 432>;

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
  for (var tap = 0u; tap < 9u; tap++) {
    let r = row + tap / 3u - 1u;
    let c = column + tap % 3u - 1u;  // unsigned: what is left of the picture is also right of it
    values[tap] = vec3f();
    if (r < params.height && c < params.width) {
      values[tap] = input_at(r * params.width + c);
    }
  }
  return values;
}

@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  for (var i = local; i < 432u; i += 128u) {
    weight_tile[i] = vec4f(weights_at(i));
  }
  let pixels = params.height * params.width;
  let first = linear_index(group, groups, local & 63u, 128u);
  let second = first + 64u;
  let c32 = local >> 6u;
  let window0 = window(min(first, pixels - 1u));
  let window1 = window(min(second, pixels - 1u));
  workgroupBarrier();
  var word0 = 0u;
  var word1 = 0u;
  for (var c4 = 8u * c32; c4 < 8u * c32 + 8u; c4++) {
    var sum0 = vec4f();
    var sum1 = vec4f();
    for (var tap = 0u; tap < 9u; tap++) {
      let w = mat3x4f(
        weight_tile[48u * tap + c4],
        weight_tile[48u * tap + c4 + 16u],
        weight_tile[48u * tap + c4 + 32u],
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
    keep_signs(c32, first, word0);
  }
  if (second < pixels) {
    keep_signs(c32, second, word1);
  }
}
