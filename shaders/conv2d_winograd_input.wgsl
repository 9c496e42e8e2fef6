// A map to Winograd's: v = B^T d B for tiles d of INPUTS x INPUTS texels that overlap by two, with lib/winograd2.wgsl or lib/winograd4.wgsl.
//   x: [channels/4][height][width] vec4f (lib/map_buffer.wgsl), zero outside; v: [channels/4][INPUTS * INPUTS][tiles] vec4f
// A tile's outputs begin at (row, column) = OUTPUTS * (tile / tiles_x, tile % tiles_x). `tiles` of them, from first_tile on, are made at
// once: a band that fits in the cache. One invocation: one tile of four channels.
struct Params {
  height: u32,
  width: u32,
  pitch: u32,  // width
  rows: u32,   // height
  tiles_x: u32,
  first_tile: u32,
  tiles: u32,
}

@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.x * 64u + local;
  let c4 = group.y;
  if (index >= params.tiles) {
    return;
  }
  let tile = params.first_tile + index;
  // Unsigned: what is above or left of the map is also below or right of it.
  let first_row = OUTPUTS * (tile / params.tiles_x) - 1u;
  let first_column = OUTPUTS * (tile % params.tiles_x) - 1u;
  var columns: array<array<vec4f, INPUTS>, INPUTS>;
  for (var c = 0u; c < INPUTS; c++) {
    var column: array<vec4f, INPUTS>;
    for (var r = 0u; r < INPUTS; r++) {
      if (first_row + r < params.height && first_column + c < params.width) {
        column[r] = map_at(c4, first_row + r, first_column + c);
      }
    }
    columns[c] = transform_input(column);
  }
  for (var r = 0u; r < INPUTS; r++) {
    var row: array<vec4f, INPUTS>;
    for (var c = 0u; c < INPUTS; c++) {
      row[c] = columns[c][r];
    }
    row = transform_input(row);
    for (var c = 0u; c < INPUTS; c++) {
      v[((c4 * INPUTS + r) * INPUTS + c) * params.tiles + index] = row[c];
    }
  }
}
