// Winograd's products to a convolution's outputs: y = finish(A^T m A), with lib/winograd2.wgsl or lib/winograd4.wgsl.
//   m: [channels/4][INPUTS * INPUTS][tiles] vec4f; y: [channels/4][height][width] vec4f
// Tiles are those of conv2d_winograd_input.wgsl; finish() and keep_signs() those of conv2d_gemm.wgsl. One workgroup: 32 channels of 32
// tiles, so that it makes whole words of the mask; one invocation: one tile of four channels.
struct Params {
  height: u32,
  width: u32,
  y_pitch: u32,  // width
  tiles_x: u32,
  first_tile: u32,
  tiles: u32,
  mask_tiles: u32,
}

const WORDS = select(1u, OUTPUTS * OUTPUTS * 32u, KEEPS_SIGNS);

@group(0) @binding(3) var<storage, read> m: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> words: array<atomic<u32>, WORDS>;  // [OUTPUTS * OUTPUTS][32 tiles]: signs

// The flat pixel of output `i` of a tile; past the last one where that is outside the map.
fn pixel_of(tile: u32, i: u32) -> u32 {
  let row = OUTPUTS * (tile / params.tiles_x) + i / OUTPUTS;
  let column = OUTPUTS * (tile % params.tiles_x) + i % OUTPUTS;
  return select(params.height * params.width, row * params.width + column, column < params.width);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let size = params.height * params.width;
  let lane = local & 31u;
  let index = group.x * 32u + lane;
  let tile = params.first_tile + index;
  let c4 = group.y * 8u + (local >> 5u);
  if (index < params.tiles) {
    var columns: array<array<vec4f, OUTPUTS>, INPUTS>;
    for (var c = 0u; c < INPUTS; c++) {
      var column: array<vec4f, INPUTS>;
      for (var r = 0u; r < INPUTS; r++) {
        column[r] = m[((c4 * INPUTS + r) * INPUTS + c) * params.tiles + index];
      }
      columns[c] = transform_output(column);
    }
    for (var r = 0u; r < OUTPUTS; r++) {
      var row: array<vec4f, INPUTS>;
      for (var c = 0u; c < INPUTS; c++) {
        row[c] = columns[c][r];
      }
      let sums = transform_output(row);
      for (var c = 0u; c < OUTPUTS; c++) {
        let p = pixel_of(tile, r * OUTPUTS + c);
        if (p < size) {
          let value = finish(c4, p, sums[c]);
          y[c4 * size + p] = value;
          if (KEEPS_SIGNS) {
            atomicOr(&words[(r * OUTPUTS + c) * 32u + lane], signs(c4, value));
          }
        }
      }
    }
  }
  if (KEEPS_SIGNS) {
    workgroupBarrier();
    for (var i = local; i < WORDS; i += 256u) {
      let t = group.x * 32u + (i & 31u);
      let p = pixel_of(params.first_tile + t, i >> 5u);
      if (t < params.tiles && p < size) {
        keep_signs(group.y, p, atomicLoad(&words[i]));
      }
    }
  }
}
