// Features to the right operand of the Gram product F F^T on llvmpipe: F^T, whose sums run over pixels.
//
// x: flat texture [channels/4][pixels] (padding pixels are zero). xt: [pixels/4][channels] vec4f, four pixels of one
// channel a texel, zero beyond the last pixel. One invocation: four pixels of four channels.
//
// Reference: gram in engine/ops/reference.ts.
// Recorder: engine/ops/cpu/gram.ts. Test: engine/ops/gram.test.ts.
struct Params { channels: u32, pixels: u32, first_quad: u32, quads: u32, inverse_quads: f32 }
@group(0) @binding(0) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(1) var<storage, read_write> xt: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn feature(c4: u32, pixel: u32) -> vec4f {
  let i = c4 * params.pixels + min(pixel, params.pixels - 1u);
  return select(vec4f(0), textureLoad(x, vec2u(i & 2047u, i >> 11u)), pixel < params.pixels);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(num_workgroups) n: vec3u, @builtin(local_invocation_index) l: u32) {
  let id = linear_index(g, n, l, 64u);
  let c4 = fast_divide(id, params.inverse_quads);
  let quad = id - c4 * params.quads;
  let pixel = 4u * (params.first_quad + quad);
  let a = feature(c4, pixel);
  let b = feature(c4, pixel + 1u);
  let c = feature(c4, pixel + 2u);
  let d = feature(c4, pixel + 3u);
  let o = quad * params.channels + 4u * c4;
  xt[o] = vec4f(a.x, b.x, c.x, d.x);
  xt[o + 1u] = vec4f(a.y, b.y, c.y, d.y);
  xt[o + 2u] = vec4f(a.z, b.z, c.z, d.z);
  xt[o + 3u] = vec4f(a.w, b.w, c.w, d.w);
}
