// y = kept features (lib/features_*.wgsl) as flat texels in f32. One invocation: one texel.
//
// Reference: none, for nothing is computed.
// Recorder: engine/ops/elementwise.ts. Test: engine/ops/conv2d.test.ts.
struct Params { texels: u32 }
@group(0) @binding(0) var<storage, read> x: array<Texel>;                    // lib/features_buffer.wgsl
@group(0) @binding(1) var x_texture: texture_storage_2d<rgba32float, read>;  // lib/features_texture.wgsl
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let i = linear_index(g, n, l, 64u);
  if (i < params.texels) { y[i] = feature_at(i); }
}
