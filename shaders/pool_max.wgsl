// y[c4][row][column] = maximum of x[c4][2 row + {0, 1}][2 column + {0, 1}]; an odd last row or column of x is dropped.
// winners: one word a texel of y, 2 bits a channel (channel 0 lowest): 2 * (row offset) + (column offset) of the
// maximum; the first one in row-major order where several are equal, as in PyTorch. One invocation a texel of y. Reads
// through lib/map_*.wgsl.
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
@group(0) @binding(3) var<storage, read_write> winners: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.width || id.y >= params.height) {
    return;
  }
  var best = map_at(id.z, 2u * id.y, 2u * id.x);
  var winner = vec4u(0u);
  for (var k = 1u; k < 4u; k++) {
    let value = map_at(id.z, 2u * id.y + (k >> 1u), 2u * id.x + (k & 1u));
    winner = select(winner, vec4u(k), value > best);
    best = max(best, value);
  }
  let i = (id.z * params.y_rows + id.y) * params.y_pitch + id.x;
  y[i] = to_texel(best);
  winners[i] = winner.x | (winner.y << 2u) | (winner.z << 4u) | (winner.w << 6u);
}
