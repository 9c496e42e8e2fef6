// y = mask * d: the gradient of the losses on an activation (lib/loss_gradient.wgsl) taken back through its ReLU
// (lib/mask_*.wgsl), where backward starts. One invocation a texel.
//
// Reference: dRelu in engine/ops/reference.ts.
// Recorder: engine/ops/elementwise.ts. Test: engine/ops/losses.test.ts.
struct Params {
  height: u32,
  width: u32,
  y_pitch: u32,
  y_rows: u32,
  mask_tiles: u32,
  tiles_x: u32,
}

@group(0) @binding(0) var<storage, read> mask: array<MaskWord>;
@group(0) @binding(1) var<storage, read> d: array<Texel>;
@group(0) @binding(2) var<storage, read_write> y: array<Texel>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.width || id.y >= params.height) {
    return;
  }
  let i = (id.z * params.y_rows + id.y) * params.y_pitch + id.x;
  y[i] = to_texel(select(vec4f(), loss_gradient_at(i), mask_at(id.z, id.y, id.x)));
}
