// y = x: kept features from a flat texture (texel i at (i mod 2048, i / 2048)) to a buffer. One invocation: one texel.
struct Params { texels: u32 }
@group(0) @binding(0) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let i = linear_index(g, n, l, 64u);
  if (i < params.texels) { y[i] = textureLoad(x, vec2u(i & 2047u, i >> 11u)); }
}
