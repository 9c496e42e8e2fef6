// The first convolution, 3 to 64 channels, fused with preprocessing: y = finish(W * n), n_c = (image[order_c] - mean_c) / std_c inside
// the picture and zero outside it. finish() and keep_signs(): lib/conv_forward.wgsl.
//   image: [3][height][width] f32, sRGB in [0,1]; weights: [9][3][64] f32; y: [16][height][width] vec4f
// Bound by memory. One workgroup: 64 channels of 128 pixels; one invocation: 8 channels of the 4 pixels p, p + 32, p + 64, p + 96.
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
@group(0) @binding(3) var<storage, read> weights: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

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

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let pixels = params.height * params.width;
  let first = group.x * 128u + (local & 31u);
  if (first >= pixels) {
    return;
  }
  let end = min((group.x + 1u) * 128u, pixels);
  let out4 = 2u * (local >> 5u);
  var word = 0u;
  var shift = 0u;
  for (var p = first; p < end; p += 32u) {
    let row = p / params.width;
    let column = p % params.width;
    var lo = vec4f();
    var hi = vec4f();
    // The part of the 3x3 window that is inside the picture.
    for (var r = max(row, 1u) - 1u; r <= min(row + 1u, params.height - 1u); r++) {
      for (var c = max(column, 1u) - 1u; c <= min(column + 1u, params.width - 1u); c++) {
        let value = input_at(r * params.width + c);
        let tap = 3u * (r + 1u - row) + c + 1u - column;
        let w = tap * 48u + out4;
        lo += weights[w] * value.x + weights[w + 16u] * value.y + weights[w + 32u] * value.z;
        hi += weights[w + 1u] * value.x + weights[w + 17u] * value.y + weights[w + 33u] * value.z;
      }
    }
    lo = finish(out4, p, lo);
    hi = finish(out4 + 1u, p, hi);
    y[out4 * pixels + p] = lo;
    y[(out4 + 1u) * pixels + p] = hi;
    word |= (signs(lo) | (signs(hi) << 16u)) << shift;
    shift += 4u;
  }
  keep_signs(out4, first, word);
}
