// y = mask * (P^T g + d): backward of pool_avg.wgsl and of the ReLU before it. g, read through lib/map_buffer.wgsl as
// x: gradient of the pooled map; d: gradient of the losses there (lib/loss_gradient.wgsl or lib/no_loss_gradient.wgsl);
// mask: lib/mask_*.wgsl. A row or column that the pool dropped gets d alone. One invocation a texel of y.
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
@group(0) @binding(3) var<storage, read_write> y: array<Texel>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.width || id.y >= params.height) {
    return;
  }
  let i = (id.z * params.y_rows + id.y) * params.y_pitch + id.x;
  var sum = loss_gradient_at(i);
  if ((id.x | 1u) < params.width && (id.y | 1u) < params.height) {
    sum += 0.25 * map_at(id.z, id.y / 2u, id.x / 2u);
  }
  y[i] = to_texel(select(vec4f(), sum, mask_at(id.z, id.y, id.x)));
}
