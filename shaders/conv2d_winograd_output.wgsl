// Winograd's products to a convolution's outputs: y = finish(A^T m A), with lib/winograd2.wgsl or lib/winograd4.wgsl.
//   m: [channels/4][INPUTS * INPUTS][tiles] vec4f; y: [channels/4][height][width] Texel (lib/texel_*.wgsl)
// Tiles are those of conv2d_winograd_input.wgsl; finish() and keep_signs() those of conv2d_gemm.wgsl. One workgroup: 32
// channels of 16 tiles, four channels after four, so that it makes whole words of the mask; one invocation: a column of
// a tile, then a row.
//
// Reference: conv, dConv in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/convolution.ts. Test: engine/ops/gpu/variants.test.ts.
struct Params {
  height: u32,
  width: u32,
  y_pitch: u32,  // width
  tiles_x: u32,
  first_tile: u32,
  tiles: u32,
  mask_tiles: u32,
}

const TILES = 16u;

@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read> bias: array<vec4f>;          // forward
@group(0) @binding(2) var<storage, read_write> new_mask: array<u32>;  // forward
@group(0) @binding(3) var<storage, read> mask: array<u32>;            // masked, added
@group(0) @binding(4) var<storage, read_write> y: array<Texel>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> half_done: array<array<vec4f, TILES>, OUTPUTS * INPUTS>;  // [row][column][tile]

@compute @workgroup_size(TILES, INPUTS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let size = params.height * params.width;
  let lane = local.x;
  let index = min(group.x * TILES + lane, params.tiles - 1u);
  let tile = params.first_tile + index;
  let row = OUTPUTS * (tile / params.tiles_x) + local.y;
  let column = OUTPUTS * (tile % params.tiles_x);
  let has_row = local.y < OUTPUTS && row < params.height && group.x * TILES + lane < params.tiles;
  var words: array<u32, OUTPUTS>;  // signs of 32 channels
  for (var c4 = 8u * group.y; c4 < 8u * group.y + 8u; c4++) {
    var values: array<vec4f, INPUTS>;
    /* unroll */ for (var r = 0u; r < INPUTS; r++) {
      values[r] = m[((c4 * INPUTS + r) * INPUTS + local.y) * params.tiles + index];
    }
    var sums = transform_output(values);
    workgroupBarrier();
    /* unroll */ for (var r = 0u; r < OUTPUTS; r++) {
      half_done[r * INPUTS + local.y][lane] = sums[r];
    }
    workgroupBarrier();
    if (has_row) {
      /* unroll */ for (var c = 0u; c < INPUTS; c++) {
        values[c] = half_done[local.y * INPUTS + c][lane];
      }
      sums = transform_output(values);
      /* unroll */ for (var c = 0u; c < OUTPUTS; c++) {
        if (column + c < params.width) {
          let p = row * params.width + column + c;
          let value = finish(c4, p, sums[c]);
          y[c4 * size + p] = to_texel(value);
          words[c] |= signs(c4, value);
        }
      }
    }
  }
  if (has_row) {
    /* unroll */ for (var c = 0u; c < OUTPUTS; c++) {
      if (column + c < params.width) {
        keep_signs(group.y, row * params.width + column + c, words[c]);
      }
    }
  }
}
