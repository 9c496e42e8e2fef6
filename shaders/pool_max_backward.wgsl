// y = mask * (P^T g + d): backward of pool_max.wgsl and of the ReLU before it. g, read through lib/map_buffer.wgsl as
// x: gradient of the pooled map, which goes to the texel that `winners` (see pool_max.wgsl; flat texels of g's shape)
// names; d: gradient of the losses there (lib/loss_gradient.wgsl or lib/no_loss_gradient.wgsl); mask: lib/mask_*.wgsl.
// One invocation a texel of y.
//
// Reference: dPool in engine/ops/reference.ts.
// Recorder: engine/ops/elementwise.ts. Test: engine/ops/conv2d.test.ts.
struct Params {
  height: u32,  // of y
  width: u32,
  pitch: u32,   // of g
  rows: u32,
  y_pitch: u32,
  y_rows: u32,
  mask_tiles: u32,
  tiles_x: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Texel>;  // g
@group(0) @binding(1) var<storage, read> mask: array<MaskWord>;
@group(0) @binding(2) var<storage, read> d: array<Texel>;  // lib/loss_gradient.wgsl
@group(0) @binding(3) var<storage, read> winners: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<Texel>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.width || id.y >= params.height) {
    return;
  }
  let i = (id.z * params.y_rows + id.y) * params.y_pitch + id.x;
  var sum = loss_gradient_at(i);
  if ((id.x | 1u) < params.width && (id.y | 1u) < params.height) {
    let row = id.y / 2u;
    let column = id.x / 2u;
    let word = winners[(id.z * params.rows + row) * params.pitch + column];
    let winner = (vec4u(word) >> vec4u(0u, 2u, 4u, 6u)) & vec4u(3u);
    let here = 2u * (id.y & 1u) + (id.x & 1u);
    sum += select(vec4f(), map_at(id.z, row, column), winner == vec4u(here));
  }
  y[i] = to_texel(select(vec4f(), sum, mask_at(id.z, id.y, id.x)));
}
