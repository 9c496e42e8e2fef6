// Backward of conv_input.wgsl to the picture: gradient[order_c] = (W^T * dz)_c / std_c.
//   dz: [16][height][width] Texel, before the ReLU (lib/map_buffer.wgsl); weights: [9][16][3] vec4f (lib/weights.wgsl), flipped, a vec4f holding four
//   channels of dz; gradient: [3][height][width] f32, with respect to sRGB in [0,1]
// Bound by memory. One invocation: four pixels below each other, in workgroups of 32 x 16 pixels, so that neighbours share their reads;
// weights are read once a workgroup.
struct Params {
  height: u32,
  width: u32,
  pitch: u32,  // width
  rows: u32,   // height
  order0: u32,
  order1: u32,
  order2: u32,
  std0: f32,
  std1: f32,
  std2: f32,
}

@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> weight_tile: array<vec4f, 432>;

fn texel_at(c4: u32, row: u32, column: u32) -> vec4f {
  if (row < params.height && column < params.width) {
    return map_at(c4, row, column);
  }
  return vec4f();
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) local: u32) {
  for (var i = local; i < 432u; i += 128u) {
    weight_tile[i] = weights_at(i);
  }
  workgroupBarrier();
  let first_row = 4u * id.y;
  var sums: array<vec3f, 4>;
  for (var c4 = 0u; c4 < 16u; c4++) {
    for (var dx = 0u; dx < 3u; dx++) {
      var texels: array<vec4f, 6>;
      for (var r = 0u; r < 6u; r++) {
        // Unsigned: what is above or left of the map is also below or right of it.
        texels[r] = texel_at(c4, first_row + r - 1u, id.x + dx - 1u);
      }
      for (var dy = 0u; dy < 3u; dy++) {
        let w = ((3u * dy + dx) * 16u + c4) * 3u;
        for (var r = 0u; r < 4u; r++) {
          let value = texels[r + dy];
          sums[r] += vec3f(
            dot(weight_tile[w], value),
            dot(weight_tile[w + 1u], value),
            dot(weight_tile[w + 2u], value),
          );
        }
      }
    }
  }
  let plane = params.height * params.width;
  for (var r = 0u; r < 4u; r++) {
    if (first_row + r < params.height && id.x < params.width) {
      let i = (first_row + r) * params.width + id.x;
      gradient[params.order0 * plane + i] = sums[r].x / params.std0;
      gradient[params.order1 * plane + i] = sums[r].y / params.std1;
      gradient[params.order2 * plane + i] = sums[r].z / params.std2;
    }
  }
}
