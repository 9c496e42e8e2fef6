// Backward of conv_input.wgsl to the picture: gradient[order_c] = (W^T * dz)_c / std_c.
//   dz: [16][height][width] vec4f, before the ReLU (lib/map_buffer.wgsl); weights: [9][16][3] vec4f, flipped, a vec4f holding four
//   channels of dz; gradient: [3][height][width] f32, with respect to sRGB in [0,1]
// Bound by memory. One invocation a pixel, in workgroups of 16 x 16 so that neighbours share their reads.
struct Params {
  height: u32,
  width: u32,
  pitch: u32,  // width
  rows: u32,   // height
  groups: u32,  // channels of dz / 4
  order0: u32,
  order1: u32,
  order2: u32,
  std0: f32,
  std1: f32,
  std2: f32,
}

@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.width || id.y >= params.height) {
    return;
  }
  var sum = vec3f();
  // The part of the 3x3 window that is inside the picture.
  for (var row = max(id.y, 1u) - 1u; row <= min(id.y + 1u, params.height - 1u); row++) {
    for (var column = max(id.x, 1u) - 1u; column <= min(id.x + 1u, params.width - 1u); column++) {
      let tap = 3u * (row + 1u - id.y) + column + 1u - id.x;
      for (var c4 = 0u; c4 < params.groups; c4++) {
        let value = map_at(c4, row, column);
        let w = (tap * params.groups + c4) * 3u;
        sum += vec3f(dot(weights[w], value), dot(weights[w + 1u], value), dot(weights[w + 2u], value));
      }
    }
  }
  let plane = params.height * params.width;
  let i = id.y * params.width + id.x;
  gradient[params.order0 * plane + i] = sum.x / params.std0;
  gradient[params.order1 * plane + i] = sum.y / params.std1;
  gradient[params.order2 * plane + i] = sum.z / params.std2;
}
