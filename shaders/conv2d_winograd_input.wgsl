// A map to Winograd's: v = B^T d B for tiles d of INPUTS x INPUTS texels that overlap by two, with lib/winograd2.wgsl
// or lib/winograd4.wgsl.
//   x: [channels/4][height][width] Texel (lib/map_buffer.wgsl), zero outside; v: [channels/4][INPUTS * INPUTS][tiles]
//   vec4f
// A tile's outputs begin at (row, column) = OUTPUTS * (tile / tiles_x, tile % tiles_x). `tiles` of them, from
// first_tile on, are made at once: a band that fits in the cache. One workgroup: 16 tiles of four channels; one
// invocation: a column of a tile, then a row.
//
// Reference: conv, dConv in engine/ops/reference.ts.
// Recorder: engine/ops/gpu/convolution.ts. Test: engine/ops/gpu/variants.test.ts.
struct Params {
  height: u32,
  width: u32,
  pitch: u32,  // width
  rows: u32,   // height
  tiles_x: u32,
  first_tile: u32,
  tiles: u32,
}

const TILES = 16u;

@group(0) @binding(0) var<storage, read> x: array<Texel>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> half_done: array<array<vec4f, TILES>, INPUTS * INPUTS>;  // [row][column][tile]

fn texel_at(c4: u32, row: u32, column: u32) -> vec4f {
  if (row < params.height && column < params.width) {
    return map_at(c4, row, column);
  }
  return vec4f();
}

@compute @workgroup_size(TILES, INPUTS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  let index = group.x * TILES + lane;
  let c4 = group.y;
  let tile = params.first_tile + index;
  // Unsigned: what is above or left of the map is also below or right of it.
  let row = OUTPUTS * (tile / params.tiles_x) - 1u;
  let column = OUTPUTS * (tile % params.tiles_x) - 1u + local.y;
  var values: array<vec4f, INPUTS>;
  /* unroll */ for (var r = 0u; r < INPUTS; r++) {
    values[r] = texel_at(c4, row + r, column);
  }
  values = transform_input(values);
  /* unroll */ for (var r = 0u; r < INPUTS; r++) {
    half_done[r * INPUTS + local.y][lane] = values[r];
  }
  workgroupBarrier();
  /* unroll */ for (var c = 0u; c < INPUTS; c++) {
    values[c] = half_done[local.y * INPUTS + c][lane];
  }
  values = transform_input(values);
  if (index < params.tiles) {
    /* unroll */ for (var c = 0u; c < INPUTS; c++) {
      v[((c4 * INPUTS + local.y) * INPUTS + c) * params.tiles + index] = values[c];
    }
  }
}
