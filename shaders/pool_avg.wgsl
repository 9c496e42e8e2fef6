// y[c4][row][column] = mean of x[c4][2 row + {0, 1}][2 column + {0, 1}]; an odd last row or column of x is dropped.
// One invocation a texel of y. Reads through lib/map_*.wgsl.
//
// Reference: pool in engine/ops/reference.ts.
// Recorder: engine/ops/elementwise.ts. Test: engine/ops/pool.test.ts.
struct Params {
  height: u32,  // of y
  width: u32,
  pitch: u32,   // of x
  rows: u32,
  y_pitch: u32,
  y_rows: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Texel>;                          // lib/map_buffer.wgsl
@group(0) @binding(1) var x_texture: texture_storage_2d_array<rgba32float, read>;  // lib/map_texture.wgsl
@group(0) @binding(2) var<storage, read_write> y: array<Texel>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.width || id.y >= params.height) {
    return;
  }
  let row = 2u * id.y;
  let column = 2u * id.x;
  let sum = map_at(id.z, row, column) + map_at(id.z, row, column + 1u)
    + map_at(id.z, row + 1u, column) + map_at(id.z, row + 1u, column + 1u);
  y[(id.z * params.y_rows + id.y) * params.y_pitch + id.x] = to_texel(0.25 * sum);
}
